import { LIVE } from "@tabcast/market";
import { expect, test } from "vitest";
import { saidInAnHour } from "./hiring.ts";
import { load } from "./model.ts";
import { sizesOf } from "./sizes.ts";

test("a stream whose workers stay makes one offer in two leases: a bid in hand fills the second vacancy", () => {
  const segmentMs = 2_000;
  const leaseMs = LIVE.lease * segmentMs;
  expect(saidInAnHour(segmentMs, 500)).toEqual({
    offers: 3_600_000 / (2 * leaseMs),
    closed: 3_600_000 / (2 * leaseMs),
  });
});

test.each([
  [100, 50, 2],
  [1_000, 500, 2],
  [5_000, 1_000, 2],
  [10_000, 1_000, 4],
])(
  "an idle worker of %i tabs with %i streams hears 30 kbit/s at most, an idle page 1",
  async (tabs, streams, relays) => {
    const network = {
      tabs,
      streams,
      relays,
      workers: tabs - streams,
      listing: 0,
      segmentMs: 2_000,
    };
    const { worker, page } = load(await sizesOf(2), network);
    expect(worker).toBeLessThanOrEqual(30_000);
    expect(page).toBeLessThanOrEqual(1_000);
  },
);
