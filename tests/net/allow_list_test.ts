// Who may connect to the router's port.
import assert from "node:assert/strict";
import { AllowList } from "../../src/net/allow_list.ts";
import { parseNetworks } from "../../src/config/networks.ts";

Deno.test("AllowList lets in its addresses and networks, and nobody else", () => {
  const list = new AllowList(parseNetworks("10.0.0.0/8, 192.168.1.5,fd00::/8,::1"));
  const cases: readonly (readonly [address: string, isAllowed: boolean])[] = [
    ["10.255.0.1:4000", true],
    ["11.0.0.1:4000", false],
    ["192.168.1.5:1", true],
    ["192.168.1.6:1", false],
    ["[fd12:3456::1]:4000", true],
    ["[fe80::1]:4000", false],
    ["[fd12::1%eth0]:4000", true],
    ["[::1]:4000", true],
    ["[::ffff:10.0.0.1]:4000", true],
    ["[::ffff:11.0.0.1]:4000", false],
    ["127.0.0.1:4000", false],
    ["memory", false],
    ["", false],
  ];
  for (const [address, isAllowed] of cases) assert.equal(list.allows(address), isAllowed, address);
});

Deno.test("AllowList of every address lets everybody in, of each family", () => {
  assert.equal(new AllowList(["0.0.0.0/0"]).allows("203.0.113.7:1"), true);
  assert.equal(new AllowList(["0.0.0.0/0"]).allows("[2001:db8::1]:1"), false);
  assert.equal(new AllowList(["::/0"]).allows("[2001:db8::1]:1"), true);
});

Deno.test("parseNetworks refuses what is no address and no network", () => {
  for (
    const text of [
      "",
      "10.0.0.1,",
      "10.0.0",
      "10.0.0.0/33",
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "::/129",
      "host",
      "10.0.0.1:80",
      "fe80::1%eth0",
      "10.0.0.0/-1",
    ]
  ) assert.throws(() => parseNetworks(text), RangeError, text);
});
