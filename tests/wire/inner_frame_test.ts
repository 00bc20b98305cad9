// What a server of generation 1 can parse: one row for each entry of the protocol's table.
import assert from "node:assert/strict";
import { encodeFrame } from "../../src/wire/frame.ts";
import {
  imContentOffset,
  innerHasPushFields,
  innerHeaderIsSound,
  innerParsesInGeneration1,
} from "../../src/wire/inner_frame.ts";
import { hex, shifted } from "../support/wire_hex.ts";

/** Puts the frame at an offset in a larger buffer and asks about it. */
function ask<T>(frame: Uint8Array, question: (view: DataView, at: number, bytes: number) => T): T {
  const part = shifted(frame, 3);
  return question(new DataView(part.buffer), part.byteOffset, part.length);
}

function parses(command: number, version: number, body: Uint8Array): boolean {
  return ask(encodeFrame({ command, version, body }), innerParsesInGeneration1);
}

const zeros = (bytes: number): Uint8Array => new Uint8Array(bytes);

/** By command: the shortest body that parses, and the shortest in version 0. */
const SHORTEST: readonly [command: number, bytes: number, bytesInVersion0: number][] = [
  [2, 8, 8],
  [3, 4, 8],
  [4, 24, 20],
  [8, 24, 20],
  [10, 16, 16],
  [15, 4, 4],
  [17, 16, 16],
  [18, 8, 8],
  [19, 8, 8],
  [20, 16, 16],
  [22, 4, 4],
  [24, 36, 36],
  [25, 36, 36],
  [26, 8, 8],
  [27, 8, 8],
  [28, 8, 8],
  [29, 8, 8],
  [30, 16, 16],
  [31, 16, 16],
  [32, 16, 16],
  [33, 16, 16],
  [34, 8, 8],
  [35, 16, 16],
  [64, 17, 17],
];

for (const [command, bytes, bytesInVersion0] of SHORTEST) {
  Deno.test(`innerParsesInGeneration1 of command ${command} wants ${bytes} bytes, in version 0 ${bytesInVersion0}`, () => {
    for (const [version, min] of [[0, bytesInVersion0], [1, bytes], [2, bytes], [255, bytes]]) {
      assert.equal(
        parses(command, version!, zeros(min! - 1)),
        false,
        `version ${version}, min - 1`,
      );
      assert.equal(parses(command, version!, zeros(0)), false, `version ${version}, empty`);
      assert.equal(parses(command, version!, zeros(min!)), true, `version ${version}, min`);
      assert.equal(parses(command, version!, zeros(min! + 1)), true, `version ${version}, min + 1`);
      assert.equal(parses(command, version!, zeros(32_767)), true, `version ${version}, longest`);
    }
  });
}

const ANY_LENGTH = [5, 7, 9, 11, 12, 16, 21, 23, 36];

for (const command of ANY_LENGTH) {
  Deno.test(`innerParsesInGeneration1 of command ${command} takes any length`, () => {
    for (const version of [0, 1]) {
      for (const bytes of [0, 1, 40, 32_767]) assert.ok(parses(command, version, zeros(bytes)));
    }
  });
}

Deno.test("innerParsesInGeneration1 of every other command takes an empty body alone", () => {
  const listed = new Set([...ANY_LENGTH, ...SHORTEST.map(([command]) => command)]);
  for (let command = 0; command < 256; command++) {
    if (listed.has(command)) continue;
    for (const version of [0, 1]) {
      assert.ok(parses(command, version, zeros(0)), `${command} with an empty body`);
      for (const bytes of [1, 4, 36, 32_767]) {
        assert.ok(!parses(command, version, zeros(bytes)), `${command} with ${bytes} bytes`);
      }
    }
  }
});

/** platform u8, token length i8, token, device length i8, device; at least 4 bytes. */
const TOKENS: readonly [body: string, parses: boolean, why: string][] = [
  ["01 00 00", false, "3 bytes are too few"],
  ["01 00 00 00", true, "both lengths 0, and a byte behind"],
  ["01 01 61 00", true, "a token alone"],
  ["01 00 01 62", true, "a device alone"],
  ["01 02 6161 03 626262", true, "both fit exactly"],
  ["01 02 6161 03 626262 ee", true, "both fit, and a byte behind"],
  ["01 02 6161 03 6262", false, "the device is cut"],
  ["01 03 6161 61", false, "no byte is left for the device's length"],
  ["01 04 6161 61", false, "the token is cut"],
  ["01 ff 6161 00", false, "a negative token length"],
  ["01 01 61 ff", false, "a negative device length"],
  ["01 80 00 00", false, "the least token length"],
  ["01 01 61 80", false, "the least device length"],
];

for (const [body, expected, why] of TOKENS) {
  Deno.test(`innerParsesInGeneration1 of command 15 says ${expected} where ${why}`, () => {
    for (const version of [0, 1]) assert.equal(parses(15, version, hex(body)), expected);
  });
}

Deno.test("innerParsesInGeneration1 of command 15 takes lengths up to 127", () => {
  const body = new Uint8Array(3 + 254);
  body[1] = body[2 + 127] = 127;
  assert.ok(parses(15, 1, body));
  assert.ok(!parses(15, 1, body.subarray(0, -1)));
});

Deno.test("innerParsesInGeneration1 goes by the inner header's length, not by what lies behind it", () => {
  const frame = encodeFrame({ command: 4, version: 1, body: zeros(60) });
  new DataView(frame.buffer).setInt32(0, 23);
  assert.equal(ask(frame, innerParsesInGeneration1), false);
});

const SOUND: readonly [header: string, bytes: number, sound: boolean, why: string][] = [
  ["", 0, false, "there is no inner frame"],
  ["00000000 00000001 1d 01 00", 11, false, "the header is cut"],
  ["00000000 00000001 1d 01 00 00", 12, true, "the body is empty"],
  ["00000005 00000001 1d 01 00 00", 17, true, "the length is what is there"],
  ["00000005 00000001 1d 01 00 00", 18, true, "the length is less than what is there"],
  ["00000005 00000001 1d 01 00 00", 16, false, "the length is more than what is there"],
  ["ffffffff 00000001 1d 01 00 00", 40, false, "the length is -1"],
  ["80000000 00000001 1d 01 00 00", 40, false, "the length is the least there is"],
  ["00007fff 00000001 1d 01 00 00", 12 + 32_767, true, "the length is 32,767"],
  ["00008000 00000001 1d 01 00 00", 12 + 32_768, false, "the length is 32,768"],
];

for (const [header, bytes, expected, why] of SOUND) {
  Deno.test(`innerHeaderIsSound says ${expected} where ${why}`, () => {
    const frame = zeros(bytes);
    frame.set(hex(header));
    assert.equal(ask(frame, innerHeaderIsSound), expected);
  });
}

/** By command: the shortest body of which a push job can be made, and the shortest in version 0. */
const FOR_A_PUSH: readonly [command: number, bytes: number, bytesInVersion0: number][] = [
  [4, 24, 20],
  [8, 24, 20],
  [24, 36, 36],
  [25, 36, 36],
  [64, 36, 36],
  [21, 0, 0],
  [29, 0, 0],
];

for (const [command, bytes, bytesInVersion0] of FOR_A_PUSH) {
  Deno.test(`innerHasPushFields of command ${command} wants ${bytes} bytes, in version 0 ${bytesInVersion0}`, () => {
    for (const [version, min] of [[0, bytesInVersion0], [1, bytes], [2, bytes]]) {
      const has = (count: number) =>
        ask(encodeFrame({ command, version: version!, body: zeros(count) }), innerHasPushFields);
      assert.equal(has(min!), true, `version ${version}, min`);
      if (min! > 0) assert.equal(has(min! - 1), false, `version ${version}, min - 1`);
    }
  });
}

Deno.test("imContentOffset is 20 in version 0, which has no timestamp, and 24 in every other", () => {
  for (const [version, offset] of [[0, 20], [1, 24], [2, 24], [255, 24]]) {
    const frame = encodeFrame({ command: 4, version: version!, body: zeros(24) });
    assert.equal(ask(frame, imContentOffset), offset);
  }
});
