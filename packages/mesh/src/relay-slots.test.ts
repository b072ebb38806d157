import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import { seededRandom } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { peerIdFromPublicKey } from "./peer-id.ts";
import { relaySlots, SLOT_TTL } from "./relay-slots.ts";

const random = seededRandom(11, "relay slots");
const peer = () => peerIdFromString(peerIdFromPublicKey(random.bytes(32)));
const from = (host: string) =>
  multiaddr(`/${host.includes(":") ? "ip6" : "ip4"}/${host}/tcp/50000/ws`);

function open({ max = 100, maxPerNetwork = 2 } = {}) {
  let now = 1_700_000_000_000;
  const slots = relaySlots({ max, maxPerNetwork, now: () => now });
  const pass = (ms: number) => {
    now += ms;
  };
  return { slots, pass };
}

test("one address, or one /64, has at most so many slots", () => {
  const { slots } = open();
  const ask = (host: string) => slots.reserve(peer(), from(host)).status;
  expect([1, 2, 3].map(() => ask("203.0.113.9"))).toEqual(["OK", "OK", "RESERVATION_REFUSED"]);
  expect(ask("203.0.113.10")).toBe("OK");
  expect(["::1", "::2", "::3"].map((end) => ask(`2001:db8:1:2${end}`))).toEqual([
    "OK",
    "OK",
    "RESERVATION_REFUSED",
  ]);
  expect(ask("2001:db8:1:3::1")).toBe("OK");
});

test("behind a proxy on a private address nobody is counted", () => {
  const { slots } = open();
  for (const host of ["127.0.0.1", "10.0.0.2", "fd00::1"])
    for (let i = 0; i < 5; i++) expect(slots.reserve(peer(), from(host)).status).toBe("OK");
});

test("a slot is free as soon as its tab is gone, and ends the ways through it", () => {
  const { slots } = open();
  const [a, b, c] = [peer(), peer(), peer()];
  for (const one of [a, b]) slots.reserve(one, from("203.0.113.9"));
  const signal = slots.get(a)?.signal;
  slots.removeReservation(a);
  expect(signal?.aborted).toBe(true);
  expect(slots.get(a)).toBeUndefined();
  expect(slots.reserve(c, from("203.0.113.9")).status).toBe("OK");
  slots.removeReservation(peer());
  expect(slots.reservations.size).toBe(2);
});

test("a slot that is renewed, however often, lasts its whole time from then, and its ways go on", () => {
  const { slots, pass } = open();
  const tab = peer();
  slots.reserve(tab, from("203.0.113.9"));
  const signal = slots.get(tab)?.signal;
  for (let i = 0; i < 5; i++) {
    pass(SLOT_TTL - 1);
    slots.sweep();
    expect(slots.get(tab)).toBeDefined();
    expect(slots.reserve(tab, from("203.0.113.9")).status).toBe("OK");
  }
  expect(signal?.aborted).toBe(false);
  pass(SLOT_TTL);
  expect(slots.get(tab)).toBeUndefined();
  slots.sweep();
  expect(signal?.aborted).toBe(true);
  expect(slots.reservations.size).toBe(0);
});

test("a renewal takes no second place, not even when it comes from another address", () => {
  const { slots } = open({ max: 3, maxPerNetwork: 1 });
  const tab = peer();
  slots.reserve(tab, from("203.0.113.9"));
  expect(slots.reserve(tab, from("203.0.113.9")).status).toBe("OK");
  expect(slots.reserve(tab, from("203.0.113.10")).status).toBe("OK");
  expect(slots.reserve(peer(), from("203.0.113.9")).status).toBe("OK");
  expect(slots.reserve(peer(), from("203.0.113.10")).status).toBe("RESERVATION_REFUSED");
  expect(slots.reserve(tab, from("203.0.113.9")).status).toBe("RESERVATION_REFUSED");
  expect(slots.get(tab)).toBeDefined();
});

test("a relay has only so many slots in all", () => {
  const { slots } = open({ max: 2 });
  const tab = peer();
  expect(slots.reserve(tab, from("127.0.0.1")).status).toBe("OK");
  expect(slots.reserve(peer(), from("127.0.0.1")).status).toBe("OK");
  expect(slots.reserve(peer(), from("127.0.0.1")).status).toBe("RESERVATION_REFUSED");
  expect(slots.reserve(tab, from("127.0.0.1")).status).toBe("OK");
});
