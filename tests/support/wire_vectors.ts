// The recorded vectors: what IM servers and the family's own router exchanged. See tests/vectors/README.md.
import { hex } from "./wire_hex.ts";

/** One line of a recording: a chunk as a proxy saw it, or the end of one side. */
export interface VectorLine {
  /** The connection. */
  readonly c: string;
  /** "in" is from the IM server to the router. */
  readonly d: "in" | "out";
  /** The bytes, in hex. */
  readonly b?: string;
  readonly end?: true;
}

/** A push job as the family's router wrote it. */
export interface VectorPush {
  readonly queue: string;
  readonly json: string;
}

function lines<T>(name: string): T[] {
  const text = Deno.readTextFileSync(new URL(`../vectors/${name}`, import.meta.url));
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as T);
}

/** Everything that was recorded of one generation, in order. */
export function recording(generation: 1 | 2): VectorLine[] {
  return lines(`generation${generation}.jsonl`);
}

/** The push jobs of one generation's recording, in order. */
export function recordedPushes(generation: 1 | 2): VectorPush[] {
  return lines(`generation${generation}.pushes.jsonl`);
}

/** Whole byte streams: what each connection sent and got in both recordings. */
export function recordedStreams(): Uint8Array<ArrayBuffer>[] {
  const streams = new Map<string, string>();
  for (const generation of [1, 2] as const) {
    for (const { c, d, b } of recording(generation)) {
      const key = `${generation} ${c} ${d}`;
      streams.set(key, (streams.get(key) ?? "") + (b ?? ""));
    }
  }
  return [...streams.values()].map(hex);
}
