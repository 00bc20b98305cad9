// The recorded vectors through decoder and router, without sockets: what each connection got, and what was pushed.
import assert from "node:assert/strict";
import { Router, type RouterOptions } from "../../src/router/router.ts";
import { FrameDecoder } from "../../src/wire/frame.ts";
import { hex, toHex } from "../support/wire_hex.ts";
import { recordedPushes, recording, type VectorLine } from "../support/wire_vectors.ts";

/** One IM server's connection: what it sent is decoded, what it gets is collected under the router's own header. */
class Peer {
  readonly decoder = new FrameDecoder();
  /** What the router sent and the recording has not shown yet, in hex. */
  ahead = "";
  #seq = 0;

  constructor(readonly number: number) {}

  /** Rebuilds the header as an outbox does: own seq, version, flag and reserved 0. */
  deliver(bytes: Uint8Array, start: number, bodyEnd: number): void {
    const frame = bytes.slice(start, bodyEnd);
    const view = new DataView(frame.buffer);
    view.setInt32(0, frame.length - 12);
    view.setInt32(4, ++this.#seq);
    view.setUint8(9, 0);
    view.setUint16(10, 0);
    this.ahead += toHex(frame);
  }
}

class Replay {
  readonly router: Router;
  readonly #peers = new Map<string, Peer>();
  readonly #byNumber = new Map<number, Peer>();

  constructor(options: RouterOptions, names: Iterable<string>) {
    this.router = new Router(options);
    for (const name of names) {
      const peer = new Peer(this.router.connect());
      this.#peers.set(name, peer);
      this.#byNumber.set(peer.number, peer);
    }
  }

  play(line: VectorLine, number: number): void {
    const peer = this.#peers.get(line.c)!;
    const bytes = line.b ?? "";
    if (line.d === "out") {
      assert.equal(peer.ahead.slice(0, bytes.length), bytes, `line ${number}: what ${line.c} got`);
      peer.ahead = peer.ahead.slice(bytes.length);
    } else {
      this.#receive(peer, hex(bytes));
    }
    if (line.end && line.d === "in") this.router.disconnect(peer.number);
  }

  #receive(from: Peer, chunk: Uint8Array): void {
    const { decoder } = from;
    decoder.push(chunk);
    while (decoder.next()) {
      const { bytes, view, start, end } = decoder;
      const outcome = this.router.receive(from.number, bytes, view, start, end);
      assert.equal(outcome.notes, 0, "nothing that real servers send is worth a log line");
      for (const target of outcome.targets.subarray(0, outcome.targetCount)) {
        this.#byNumber.get(target)!.deliver(bytes, start, outcome.bodyEnd);
      }
    }
  }

  /** Nothing more came than what was recorded. */
  finish(): void {
    for (const [name, peer] of this.#peers) {
      assert.equal(peer.ahead, "", `${name} got nothing more`);
      assert.equal(peer.decoder.heldBytes, 0);
    }
    assert.equal(this.router.table.connectionCount, 0);
    assert.equal(this.router.table.sweep(100_000), false);
    assert.equal(this.router.table.users.subscriptions + this.router.table.rooms.subscriptions, 0);
  }

  /** The pushes, by list. */
  pushes(): Map<string, string[]> {
    const utf8 = new TextDecoder("utf-8", { fatal: true });
    const { jobs } = this.router;
    const all = Array.from(
      { length: jobs.count },
      (_, i) => ({ queue: jobs.list(i), json: utf8.decode(jobs.text(i)) }),
    );
    return byQueue(all);
  }
}

function byQueue(pushes: readonly { queue: string; json: string }[]): Map<string, string[]> {
  const queues = new Map<string, string[]>();
  for (const { queue, json } of pushes) queues.set(queue, [...queues.get(queue) ?? [], json]);
  return new Map([...queues].sort());
}

const CASES: readonly [recorded: 1 | 2, options: RouterOptions][] = [
  [1, { generation: 1, isPushSystem: true }],
  [1, { generation: "auto", isPushSystem: true }],
  [2, { generation: 2 }],
  [2, { generation: "auto" }],
];

for (const [recorded, options] of CASES) {
  Deno.test(`Router set to ${options.generation} replays the recording of generation ${recorded}`, () => {
    const lines = recording(recorded);
    const replay = new Replay(options, new Set(lines.map(({ c }) => c)));
    lines.forEach((line, i) => replay.play(line, i + 1));
    replay.finish();
    assert.deepEqual(replay.pushes(), byQueue(recordedPushes(recorded)));
    const { byGeneration } = replay.router;
    if (recorded === 1) assert.equal(byGeneration[2], 0, "no frame was taken for the other's");
    else assert.ok(byGeneration[2]! > 300, "frames with a sign went by generation 2");
    assert.equal(replay.router.otherGeneration, 0);
  });
}
