import type { Offer } from "@tabcast/protocol";
import { type Millis, systemClock, toHex } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { type Kept, MOST_OF_BROADCASTER, MOST_OFFERS, openKnownOffers } from "./known-offers.ts";

let count = 0;
function offered(broadcaster: string, { bid = false, until = 30_000 } = {}): Kept {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, ++count);
  return { offer: { id, broadcaster } as Offer, bid, until };
}

function open() {
  let now = 0;
  const offers = openKnownOffers<Kept>({ clock: { ...systemClock, now: () => now as Millis } });
  const knows = ({ offer }: Kept) => offers.has(toHex(offer.id));
  const pass = (ms: number) => {
    now += ms;
  };
  return { offers, knows, pass };
}

test("an offer that was bid on stays until it is over, whatever a thousand others offer", () => {
  const { offers, knows, pass } = open();
  const ours = offered("honest", { bid: true });
  offers.add(ours);
  for (let i = 0; i < 1_000; i++) offers.add(offered(`stranger ${i}`));
  expect(knows(ours)).toBe(true);
  expect([...offers.values()]).toHaveLength(MOST_OFFERS);
  pass(30_000);
  for (let i = 0; i < MOST_OFFERS; i++) offers.add(offered(`other ${i}`, { until: 60_000 }));
  expect(knows(ours)).toBe(false);
});

test("a broadcaster's further offers make room among its own", () => {
  const { offers, knows } = open();
  const other = offered("other");
  offers.add(other);
  const [first, ...rest] = Array.from({ length: 10 }, () => offered("greedy"));
  for (const one of [first as Kept, ...rest]) expect(offers.add(one)).toBe(true);
  expect([...offers.values()].filter(knows)).toHaveLength(1 + MOST_OF_BROADCASTER);
  expect([knows(other), knows(first as Kept)]).toEqual([true, false]);
});

test("where all are bid on and none is over, a new one is let pass", () => {
  const { offers, knows, pass } = open();
  for (let i = 0; i < MOST_OFFERS; i++) offers.add(offered(`b ${i}`, { bid: true }));
  const late = offered("late", { until: 60_000 });
  expect([offers.add(late), knows(late)]).toEqual([false, false]);
  pass(30_000);
  expect([offers.add(late), knows(late)]).toEqual([true, true]);
});
