// What is published in the channels of groups, good and bad.
import assert from "node:assert/strict";
import {
  applyGroupEvent,
  GROUP_CHANNELS,
  parseGroupEvent,
  parseLatestAction,
} from "../../src/groups/group_event.ts";
import { groupsOf, membersOf } from "../support/group_tables.ts";

const MAX = 2n ** 63n - 1n;

for (
  const [channel, content, numbers] of [
    ["group_create", "5,7,0", [5n, 7n, 0n]],
    ["group_create", "+5,007,1", [5n, 7n, 1n]],
    ["group_create", `${MAX},${-MAX - 1n},0`, [MAX, -MAX - 1n, 0n]],
    ["group_create", "5,7", undefined],
    ["group_create", "5,7,0,0", undefined],
    ["group_create", "5,,0", undefined],
    ["group_create", " 5,7,0", undefined],
    ["group_create", "5,7,0 ", undefined],
    ["group_create", "five,7,0", undefined],
    ["group_create", `${MAX + 1n},7,0`, undefined],
    ["group_create", "", undefined],
    ["group_create", "5:7:0", undefined],
    ["group_disband", "5", [5n]],
    ["group_disband", `${"0".repeat(39)}5`, [5n]],
    ["group_disband", `${"0".repeat(40)}5`, undefined],
    ["group_disband", "-0", [0n]],
    ["group_disband", "+-5", undefined],
    ["group_disband", "5\n", undefined],
    ["group_disband", "5:7", undefined],
    ["group_disband", "", undefined],
    ["group_disband", "٥", undefined],
    ["group_disband", "5,7", undefined],
    ["group_disband", "-", undefined],
    ["group_disband", "5.0", undefined],
    ["group_disband", "0x5", undefined],
    ["group_member_add", "5,-9", [5n, -9n]],
    ["group_member_add", "5", undefined],
    ["group_member_add", "5,", undefined],
    ["group_member_add", ",9", undefined],
    ["group_member_add", "5:9", undefined],
    ["group_member_add", "5, 9", undefined],
    ["group_member_add", `5,${-MAX - 2n}`, undefined],
    ["group_member_add", "5,9,1", undefined],
    ["group_member_remove", "5,9", [5n, 9n]],
    ["group_member_remove", "5,1e3", undefined],
    ["group_upgrade", "5,7,1", [5n, 7n, 1n]],
    ["group_upgrade", "5,7,0", undefined],
    ["group_upgrade", "5,7,-1", [5n, 7n, -1n]],
    ["group_upgrade", "5,7,00", undefined],
    ["group_upgrade", "5,7", undefined],
    ["group_upgrade", "5,7,x", undefined],
  ] as const
) {
  Deno.test(`parseGroupEvent: ${channel} with the content "${content}" ${numbers === undefined ? "cannot be read, and its action counts" : "can be read"}`, () => {
    const event = parseGroupEvent(channel, `41:42:${content}`);
    assert.deepEqual(event, { previous: 41n, action: 42n, channel, content: numbers });
  });
}

for (
  const payload of [
    "",
    "41",
    "41:42",
    "41,42,5",
    ":42:5",
    "41::5",
    "a:42:5",
    "41:b:5",
    "41: 42:5",
    `41:${MAX + 1n}:5`,
    `${-MAX - 2n}:42:5`,
    "0x1:42:5",
    `${"9".repeat(100_000)}:42:5`,
  ]
) {
  Deno.test(`parseGroupEvent: ${payload.slice(0, 30)} is no event`, () => {
    assert.equal(parseGroupEvent("group_disband", payload), undefined);
  });
}

Deno.test("parseGroupEvent: ids of actions have all 64 bits and may be negative", () => {
  const event = parseGroupEvent("group_disband", `${-MAX - 1n}:${MAX}:5`);
  assert.deepEqual([event?.previous, event?.action], [-MAX - 1n, MAX]);
});

Deno.test("parseGroupEvent: another channel holds no events", () => {
  for (const channel of ["", "group", "group_create2", "toString", "__proto__"]) {
    assert.equal(parseGroupEvent(channel, "41:42:5,7,0"), undefined, channel);
  }
  assert.equal(GROUP_CHANNELS.length, 5);
});

Deno.test("parseLatestAction: none is 0, and anything but two whole numbers is no action", () => {
  assert.equal(parseLatestAction(null), 0n);
  assert.equal(parseLatestAction("41:42"), 42n);
  assert.equal(parseLatestAction(`-1:${MAX}`), MAX);
  for (const value of ["", "42", "41:", ":42", "41:42:5", "41:x", `41:${MAX + 1n}`, "41: 42"]) {
    assert.equal(parseLatestAction(value), undefined, value);
  }
});

Deno.test("parseLatestAction: a value of any length takes no time", () => {
  const before = performance.now();
  assert.equal(parseLatestAction(":".repeat(40_000_000)), undefined);
  assert.ok(performance.now() - before < 500);
});

Deno.test("applyGroupEvent: each channel changes what it has to, and nothing else", () => {
  const table = groupsOf([5n, [1n, 2n]], [6n, [1n]]);
  const apply = (channel: string, content: string) =>
    applyGroupEvent(table, parseGroupEvent(channel, `0:1:${content}`)!);
  const content = () => [5n, 6n, 7n].map((group) => membersOf(table, group)?.join());
  apply("group_create", "5,7,0");
  assert.deepEqual(content(), ["1,2", "1", undefined], "a group that is known keeps its members");
  apply("group_create", "7,7,0");
  apply("group_member_add", "7,3");
  apply("group_member_add", "7,3");
  apply("group_member_add", "8,3");
  apply("group_member_remove", "5,1");
  apply("group_member_remove", "5,9");
  apply("group_upgrade", "6,7,1");
  apply("group_upgrade", "9,7,1");
  assert.deepEqual(content(), ["2", "1", "3"]);
  apply("group_disband", "6");
  apply("group_disband", "9");
  apply("group_disband", "five");
  assert.deepEqual(content(), ["2", undefined, "3"]);
  assert.equal(table.size, 2);
});
