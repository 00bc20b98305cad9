// Every command and every body, byte by byte: hex made by hand from the layout, and both ways.
import assert from "node:assert/strict";
import { BATCH_PUSH, batchPushInnerLengthAt, encodeBatchPush } from "../../src/wire/batch_push.ts";
import { COMMAND, commandName, INNER_COMMAND, INNER_FLAG } from "../../src/wire/command.ts";
import { encodeFrame, FrameDecoder, HEADER_BYTES } from "../../src/wire/frame.ts";
import { encodeRouteMessage, innerBytes, ROUTE_MESSAGE } from "../../src/wire/route_message.ts";
import { encodeSubscription, SUBSCRIPTION } from "../../src/wire/subscription.ts";
import { hex, ID_EXTREMES, int64s, shifted, toHex } from "../support/wire_hex.ts";

/** The one frame that a stream holds, decoded from the midst of a larger buffer. */
function decodeOne(stream: Uint8Array): FrameDecoder {
  const decoder = new FrameDecoder();
  decoder.push(shifted(stream, 3));
  assert.ok(decoder.next(), "there is a frame");
  return decoder;
}

/** Asserts header fields and gives back the body's place. */
function header(decoder: FrameDecoder, bodyBytes: number, seq: number, command: number): number {
  const { view, start, end } = decoder;
  assert.equal(end - start, HEADER_BYTES + bodyBytes);
  assert.equal(view.getInt32(start), bodyBytes);
  assert.equal(view.getInt32(start + 4), seq);
  assert.equal(view.getUint8(start + 8), command);
  assert.equal(decoder.bytes[start + 8], command, "bytes and view have the same offsets");
  return start + HEADER_BYTES;
}

const SUBSCRIPTIONS = [
  ["SUBSCRIBE", 130, 1, "00000011 00000001 82 00 00 00 | 0000000000000007 0000000000dc0821 01"],
  ["SUBSCRIBE", 130, 0, "00000011 00000002 82 00 00 00 | ffffffffffffffff 8000000000000000 00"],
  [
    "UNSUBSCRIBE",
    131,
    undefined,
    "00000010 7fffffff 83 00 00 00 | 0000000000000007 7fffffffffffffff",
  ],
  [
    "SUBSCRIBE_ROOM",
    136,
    undefined,
    "00000010 80000000 88 00 00 00 | 0000000000000007 0020000000000001",
  ],
  [
    "UNSUBSCRIBE_ROOM",
    137,
    undefined,
    "00000010 ffffffff 89 00 00 00 | 0000000000000000 0000000000000000",
  ],
] as const;

for (const [name, command, online, text] of SUBSCRIPTIONS) {
  const golden = hex(text);
  const fields = new DataView(golden.buffer);
  const [seq, appid, id] = [fields.getInt32(4), fields.getBigInt64(12), fields.getBigInt64(20)];

  Deno.test(`encodeSubscription ${name} of ${appid}, ${id} gives the golden bytes`, () => {
    assert.equal(COMMAND[name], command);
    const body = encodeSubscription(appid, id, online);
    assert.equal(toHex(encodeFrame({ command, seq, body })), toHex(golden));
  });

  Deno.test(`SUBSCRIPTION offsets in ${name} of ${appid}, ${id} find its fields`, () => {
    const decoder = decodeOne(golden);
    const body = header(decoder, online === undefined ? 16 : 17, seq, command);
    assert.equal(decoder.view.getBigInt64(body + SUBSCRIPTION.APPID), appid);
    assert.equal(decoder.view.getBigInt64(body + SUBSCRIPTION.ID), id);
    if (online !== undefined) {
      assert.equal(decoder.view.getInt8(body + SUBSCRIPTION.ONLINE), online);
    }
  });
}

const IM_HELLO =
  "0000001d 00000009 04 01 10 00 | 0000000000000001 0000000000000002 6b051e91 00000000 68656c6c6f";
const ROUTE_MESSAGES = [["PUBLISH", 132, "84"], ["PUBLISH_GROUP", 135, "87"], [
  "PUBLISH_ROOM",
  138,
  "8a",
]] as const;

for (const [name, command, byte] of ROUTE_MESSAGES) {
  const golden = hex(`00000053 00000003 ${byte} 00 00 00 | 0000000000000007 fffffffffffffffe
    00000000000000b0 0102030405060708 18eae391df58db6b 0029 | ${IM_HELLO}`);
  const parts = {
    appid: 7n,
    receiver: -2n,
    msgid: 0xb0n,
    deviceId: 0x0102030405060708n,
    timestamp: 0x18eae391df58db6bn,
    inner: hex(IM_HELLO),
  };

  Deno.test(`encodeRouteMessage of a ${name} gives the golden bytes`, () => {
    assert.equal(COMMAND[name], command);
    const body = encodeRouteMessage(parts);
    assert.equal(toHex(encodeFrame({ command, seq: 3, body })), toHex(golden));
  });

  Deno.test(`ROUTE_MESSAGE offsets in a ${name} find its fields`, () => {
    const decoder = decodeOne(golden);
    const { view, bytes, end } = decoder;
    const body = header(decoder, 83, 3, command);
    assert.equal(view.getBigInt64(body + ROUTE_MESSAGE.APPID), parts.appid);
    assert.equal(view.getBigInt64(body + ROUTE_MESSAGE.RECEIVER), parts.receiver);
    assert.equal(view.getBigInt64(body + ROUTE_MESSAGE.MSGID), parts.msgid);
    assert.equal(view.getBigInt64(body + ROUTE_MESSAGE.DEVICE_ID), parts.deviceId);
    assert.equal(view.getBigInt64(body + ROUTE_MESSAGE.TIMESTAMP), parts.timestamp);
    assert.equal(view.getInt16(body + ROUTE_MESSAGE.INNER_LENGTH), 41);
    assert.equal(innerBytes(view, body, end), 41);
    assert.equal(toHex(bytes.subarray(body + ROUTE_MESSAGE.INNER, end)), toHex(parts.inner));
  });
}

Deno.test("encodeRouteMessage without msgid, device and time writes zeros", () => {
  const body = encodeRouteMessage({ appid: 1n, receiver: 2n, inner: hex("0102") });
  const expected = `0000000000000001 0000000000000002 ${"00".repeat(24)} 0002 0102`;
  assert.equal(toHex(body), toHex(hex(expected)));
});

const PUSH = hex(`00000055 00000001 86 00 00 00 | 0000000000000007 0004
  0000000000000005 0000000000000003 0000000000000005 8000000000000000 0029 | ${IM_HELLO}`);
const PUSH_RECEIVERS = [5n, 3n, 5n, -(2n ** 63n)];

Deno.test("encodeBatchPush gives the golden bytes of a PUSH, receivers in order and repeated", () => {
  assert.equal(COMMAND.PUSH, 134);
  const body = encodeBatchPush(7n, PUSH_RECEIVERS, hex(IM_HELLO));
  assert.equal(toHex(encodeFrame({ command: 134, seq: 1, body })), toHex(PUSH));
});

Deno.test("BATCH_PUSH offsets in a PUSH find its fields", () => {
  const decoder = decodeOne(PUSH);
  const { view, bytes, end } = decoder;
  const body = header(decoder, 85, 1, 134);
  assert.equal(view.getBigInt64(body + BATCH_PUSH.APPID), 7n);
  assert.equal(view.getUint16(body + BATCH_PUSH.COUNT), 4);
  const receivers = PUSH_RECEIVERS.map((_, i) =>
    view.getBigInt64(body + BATCH_PUSH.RECEIVERS + 8 * i)
  );
  assert.deepEqual(receivers, PUSH_RECEIVERS);
  const at = batchPushInnerLengthAt(view, body, end);
  assert.equal(at, 42);
  assert.equal(innerBytes(view, body, end, at), 41);
  assert.equal(toHex(bytes.subarray(body + at + 2, end)), toHex(hex(IM_HELLO)));
});

Deno.test("encodeFrame of a command alone writes an empty body and zeros", () => {
  assert.equal(toHex(encodeFrame({ command: 255 })), "00000000" + "00000000" + "ff000000");
});

Deno.test("encodeFrame writes seq, command, version and flag where they belong", () => {
  const frame = encodeFrame({ command: 8, seq: -2, version: 3, flag: 0x32, body: hex("aabb") });
  assert.equal(toHex(frame), toHex(hex("00000002 fffffffe 08 03 32 00 aabb")));
});

Deno.test("encode functions write every int64 exactly, at both ends of its range too", () => {
  for (const id of ID_EXTREMES) {
    const bytes = toHex(int64s(id));
    assert.equal(toHex(encodeSubscription(id, id)), bytes + bytes);
    const route = encodeRouteMessage({
      appid: id,
      receiver: id,
      msgid: id,
      deviceId: id,
      timestamp: id,
      inner: hex(""),
    });
    assert.equal(toHex(route), bytes.repeat(5) + "0000");
    const push = encodeBatchPush(id, [id, id], hex(""));
    assert.equal(toHex(push), bytes + "0002" + bytes + bytes + "0000");
  }
});

Deno.test("commandName knows the eight router commands and no other", () => {
  const names = Array.from({ length: 256 }, (_, command) => commandName(command));
  const known = names.flatMap((name, command) => name === "OTHER" ? [] : [`${command} ${name}`]);
  assert.deepEqual(known, [
    "130 SUBSCRIBE",
    "131 UNSUBSCRIBE",
    "132 PUBLISH",
    "134 PUSH",
    "135 PUBLISH_GROUP",
    "136 SUBSCRIBE_ROOM",
    "137 UNSUBSCRIBE_ROOM",
    "138 PUBLISH_ROOM",
  ]);
});

Deno.test("INNER_COMMAND and INNER_FLAG have the family's numbers", () => {
  assert.deepEqual({ ...INNER_COMMAND }, {
    IM: 4,
    GROUP_NOTIFICATION: 7,
    GROUP_IM: 8,
    RT: 17,
    ROOM_IM: 20,
    SYSTEM: 21,
    CUSTOMER: 24,
    CUSTOMER_SUPPORT: 25,
    SYNC_NOTIFY: 29,
    SYNC_GROUP_NOTIFY: 33,
    NOTIFICATION: 36,
    CUSTOMER_V2: 64,
  });
  assert.deepEqual({ ...INNER_FLAG }, {
    TEXT: 0x01,
    UNPERSISTENT: 0x02,
    GROUP: 0x04,
    SELF: 0x08,
    PUSH: 0x10,
    SUPER_GROUP: 0x20,
  });
});
