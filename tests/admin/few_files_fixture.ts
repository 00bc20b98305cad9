// A program with an admin port, to be started with few file descriptors: `few_files_fixture.ts`. Writes a line for each event.
import { openFixture } from "./admin_fixture.ts";

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

await using fixture = openFixture();
const log = fixture.log;
log.push = (...lines) => {
  for (const { event } of lines) say(event);
  return 0;
};
say(`port ${fixture.admin.addr.port}`);
for await (const _ of Deno.stdin.readable); // until the test has seen enough
say("closing");
