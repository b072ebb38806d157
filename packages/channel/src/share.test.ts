import { Amount, type Random } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replay } from "../test/replay.ts";
import { takeLane } from "./payee/take-lane.ts";
import * as Share from "./share.ts";
import { memory } from "./store/memory.ts";

const payee = `0x${"33".repeat(20)}` as const;
const signal = new AbortController().signal;
/** Draws the greatest that it may. */
const greatest = { below: (most: number) => most - 1 } as Random;

describe("a watchtower's share", () => {
  test(`is in the five highest bits of a lane's number, whatever the other 27 are (SEED=${replay.seed})`, () => {
    const percent = fc.integer({ min: 0, max: Share.MOST });
    const which = fc.integer({ min: 0, max: Share.LANES - 1 });
    fc.assert(
      fc.property(percent, which, (share, rest) => {
        const lane = Share.laneOf(share, rest);
        expect(lane).toBeLessThanOrEqual(0xffffffff);
        expect(lane >>> 27).toBe(share);
        expect(Share.of(lane)).toBe(share);
      }),
      replay,
    );
  });

  test("of more than 20 percent leaves nothing, and is never asked for", () => {
    for (let percent = 21; percent < 32; percent++) expect(Share.of(percent * 2 ** 27)).toBe(0);
    expect(Share.of(0xffffffff)).toBe(0);
    for (const share of [-1, 21, 2.5, Number.NaN])
      expect(() => Share.laneOf(share, 0)).toThrow(`0 to 20 whole percent, got ${share}`);
  });

  test("is a part of what is paid, rounded down", () => {
    expect(Share.part(Share.laneOf(5, 7), Amount.of(199))).toBe(9n);
    expect(Share.part(Share.laneOf(20, 7), Amount.of(1_000_000))).toBe(200_000n);
    expect(Share.part(Share.laneOf(0, 7), Amount.of(1_000_000))).toBe(0n);
    expect(Share.part(21 * 2 ** 27, Amount.of(1_000_000))).toBe(0n);
  });
});

describe("a lane that is taken", () => {
  const take = (store: ReturnType<typeof memory>, share: number) =>
    takeLane(store, payee, undefined, { share, random: greatest, signal });

  test("leaves the share that its owner set, and is taken again while that stays so", async () => {
    const store = memory();
    const first = await take(store, 5);
    expect(first.lane).toBe(6 * 2 ** 27 - 1);
    first.release();
    const again = await take(store, 5);
    expect(again.lane).toBe(first.lane);
    again.release();
    const more = await take(store, 20);
    expect(more.lane).toBe(21 * 2 ** 27 - 1);
    more.release();
    const none = await take(store, 0);
    expect(none.lane).toBe(2 ** 27 - 1);
    none.release();
  });

  test("leaves no more than 20 percent", async () => {
    await expect(take(memory(), 21)).rejects.toThrow("0 to 20 whole percent, got 21");
  });
});
