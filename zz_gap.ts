import { GroupLoader } from "/work/main/src/groups/group_loader.ts";
import { parseMysqlDsn } from "/work/main/src/groups/mysql_settings.ts";
const settings = parseMysqlDsn(`root@unix(${Deno.args[0]})/gb`);
const rss=()=>Math.round(Deno.memoryUsage().rss/1e6);
let last=performance.now(); const gaps:string[]=[]; const t0=performance.now(); let peak=0;
console.log("rss", rss());
const loader=new GroupLoader(settings);
console.log("worker",performance.now()-t0);
setInterval(()=>{const n=performance.now(); if(n-last-2>8) gaps.push(`${((n-t0)/1000).toFixed(2)}s:${(n-last-2).toFixed(0)}`); last=n; peak=Math.max(peak,rss());},2);
let held:any;
for (let i=0;i<5;i++){
  const {table,leftOut}=await loader.load(new AbortController().signal);
  if(held) loader.free(held); held=table; 
  console.log("loaded",((performance.now()-t0)/1000).toFixed(2), table.size,table.memberCount,leftOut,gaps.splice(0).join(" "));
  await new Promise(r=>setTimeout(r,1000));
  console.log("after 1s", gaps.splice(0).join(" "),"rss",rss(),"peak",peak);
}
Deno.exit(0);
