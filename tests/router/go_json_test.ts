// JSON as Go's encoding/json writes it, byte for byte. The golden texts were written by encoding/json itself (Go 1.26).
import assert from "node:assert/strict";
import fc from "fast-check";
import { GoJsonWriter } from "../../src/router/go_json.ts";
import { JobBatch } from "../../src/router/job_batch.ts";
import { hex, ID_EXTREMES, int64s, toHex } from "../support/wire_hex.ts";

const utf8 = new TextEncoder();
const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes of the JSON string for this content, which lies among continuation bytes that are not its own. */
function stringOf(content: Uint8Array): Uint8Array {
  const batch = new JobBatch();
  const writer = new GoJsonWriter(batch);
  const bytes = new Uint8Array(4 + content.length + 4).fill(0x80);
  bytes.set(content, 4);
  writer.begin();
  writer.string(bytes, 4, 4 + content.length);
  writer.end(0);
  return batch.text(0);
}

const GOLDEN: readonly [what: string, content: string, json: string][] = [
  [
    "every byte below 0x80",
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f",
    '"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f !\\"#$%\\u0026\'()*+,-./0123456789:;\\u003c=\\u003e?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~\u007f"',
  ],
  ["quotes and backslashes", "6122625c632f64", '"a\\"b\\\\c/d"'],
  [
    "what HTML could misread",
    "3c6120687265663d2278223e26616d703b3c2f613e",
    '"\\u003ca href=\\"x\\"\\u003e\\u0026amp;\\u003c/a\\u003e"',
  ],
  ["line ends", "610d0a0962", '"a\\r\\n\\tb"'],
  ["DEL raw", "7f", '"\u007f"'],
  ["2, 3 and 4 bytes", "c3a9e4bda0f09f9880", '"é你😀"'],
  [
    "first and last of each length",
    "c280dfbfe0a080efbfbff0908080f48fbfbf",
    '"\u0080\u07ff\u0800\uffff\u{10000}\u{10ffff}"',
  ],
  ["U+2028 and U+2029", "e280a87ce280a9", '"\\u2028|\\u2029"'],
  ["neighbours of U+2028", "e280a7e280aae282a8e284a8", '"‧\u202a₨\u2128"'],
  ["a real U+FFFD", "efbfbd", '"\ufffd"'],
  ["last before and first after the surrogates", "ed9fbfee8080", '"\ud7ff\ue000"'],
  ["stray continuation bytes", "6180bf62", '"a\\ufffd\\ufffdb"'],
  ["overlong 2", "c0afc1bf", '"\\ufffd\\ufffd\\ufffd\\ufffd"'],
  ["overlong 3", "e080afe09fbf", '"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"'],
  ["overlong 4", "f08080aff08fbfbf", '"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"'],
  ["surrogates", "eda080edbfbf", '"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"'],
  ["surrogate pair", "eda0bdedb880", '"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"'],
  [
    "past U+10FFFF",
    "f4908080f5808080",
    '"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"',
  ],
  [
    "bytes that never occur",
    "fefff888808080",
    '"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"',
  ],
  ["truncated at the end 2", "61c3", '"a\\ufffd"'],
  ["truncated at the end 3", "61e4bd", '"a\\ufffd\\ufffd"'],
  ["truncated at the end 4", "61f09f98", '"a\\ufffd\\ufffd\\ufffd"'],
  ["truncated by ASCII", "c361e4bd61f09f9861", '"\\ufffda\\ufffd\\ufffda\\ufffd\\ufffd\\ufffda"'],
  ["truncated by another sequence", "e4bde4bda0f09fc3a9", '"\\ufffd\\ufffd你\\ufffd\\ufffdé"'],
  ["U+2028 cut", "e280", '"\\ufffd\\ufffd"'],
  ["U+2028 cut by quote", "e28022", '"\\ufffd\\ufffd\\""'],
  ["byte order mark", "efbbbf61", '"\ufeffa"'],
  ["noncharacters", "efbfbeefb790", '"\ufffe\ufdd0"'],
  ["nothing", "", '""'],
];

for (const [what, content, json] of GOLDEN) {
  Deno.test(`GoJsonWriter.string of ${what} is what encoding/json writes`, () => {
    assert.equal(text.decode(stringOf(hex(content))), json);
  });
}

Deno.test("GoJsonWriter.string of each byte alone", () => {
  const short = new Map([
    [0x08, "\\b"],
    [0x09, "\\t"],
    [0x0a, "\\n"],
    [0x0c, "\\f"],
    [0x0d, "\\r"],
    [0x22, '\\"'],
    [0x5c, "\\\\"],
    [0x3c, "\\u003c"],
    [0x3e, "\\u003e"],
    [0x26, "\\u0026"],
  ]);
  for (let byte = 0; byte < 256; byte++) {
    const expected = short.get(byte) ??
      (byte < 0x10
        ? `\\u000${byte.toString(16)}`
        : byte < 0x20
        ? `\\u00${byte.toString(16)}`
        : byte < 0x80
        ? String.fromCharCode(byte)
        : "\\ufffd");
    assert.equal(text.decode(stringOf(Uint8Array.of(byte))), `"${expected}"`, `${byte}`);
  }
});

/** The characters of some bytes as Go reads them: each byte that is not part of valid UTF-8 is undefined. */
function* goCharacters(bytes: Uint8Array): Generator<string | undefined> {
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((length) => isOneCharacter(bytes.subarray(at, at + length)));
    yield length === undefined ? undefined : text.decode(bytes.subarray(at, at + length));
    at += length ?? 1;
  }
}

function isOneCharacter(bytes: Uint8Array): boolean {
  try {
    return [...text.decode(bytes)].length === 1;
  } catch {
    return false; // that is the answer
  }
}

/** The JSON of one character, by the words of the protocol. */
function goJson(character: string | undefined): string {
  if (character === undefined) return "\\ufffd";
  const code = character.codePointAt(0)!;
  if (character === '"' || character === "\\") return `\\${character}`;
  const short = "\b\t\n\f\r".indexOf(character);
  if (short >= 0) return `\\${"btnfr"[short]}`;
  if (code < 0x20 || "<>&\u2028\u2029".includes(character)) {
    return `\\u${code.toString(16).padStart(4, "0")}`;
  }
  return character;
}

const piece = fc.oneof(
  fc.nat(255).map((byte) => Uint8Array.of(byte)),
  fc.constantFrom(
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xe2,
    0xed,
    0xef,
    0xf0,
    0xf4,
    0xf5,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xa8,
    0xbf,
  )
    .map((byte) => Uint8Array.of(byte)),
  fc.string({ unit: "binary", maxLength: 3 }).map((string) => utf8.encode(string)),
  fc.constantFrom("\u2028", "\u2029", "\ufffd", "<", "\u007f", "\ud7ff", "\ue000", "\u{10ffff}")
    .map((string) => utf8.encode(string)),
  fc.tuple(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.integer({ min: 1, max: 3 }),
  )
    .map(([string, bytes]) => utf8.encode(string).subarray(0, bytes)),
);
const content = fc.array(piece, { maxLength: 30, size: "max" })
  .map((pieces) => Uint8Array.from(pieces.flatMap((piece) => [...piece])));

Deno.test("GoJsonWriter.string of any bytes parses to what Go's decoding reads in them", () => {
  const property = fc.property(content, (bytes) => {
    const expected = [...goCharacters(bytes)].map((character) => character ?? "\ufffd").join("");
    assert.equal(JSON.parse(text.decode(stringOf(bytes))), expected);
  });
  fc.assert(property, { numRuns: 700 });
});

Deno.test("GoJsonWriter.string of any bytes is escaped by the words of the protocol, byte for byte", () => {
  const property = fc.property(content, (bytes) => {
    const expected = utf8.encode(`"${[...goCharacters(bytes)].map(goJson).join("")}"`);
    assert.equal(toHex(stringOf(bytes)), toHex(expected));
  });
  fc.assert(property, { numRuns: 700 });
});

Deno.test("GoJsonWriter.string of the longest content that grows sixfold fits", () => {
  const bytes = new Uint8Array(1 << 20).fill(0xff);
  assert.equal(stringOf(bytes).length, 6 * bytes.length + 2);
});

Deno.test("GoJsonWriter.int64 writes every int64 as plain digits, exactly", () => {
  const property = fc.property(
    fc.oneof(
      fc.constantFrom(...ID_EXTREMES),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    ),
    (value) => {
      const batch = new JobBatch();
      const writer = new GoJsonWriter(batch);
      const view = new DataView(int64s(0n, value).buffer);
      writer.begin();
      writer.int64(view, 8);
      writer.end(0);
      writer.begin();
      writer.int64Of(view.getInt32(8), view.getInt32(12));
      writer.end(1);
      assert.deepEqual([0, 1].map((i) => text.decode(batch.text(i))), [`${value}`, `${value}`]);
    },
  );
  fc.assert(property, { numRuns: 1_000 });
});
