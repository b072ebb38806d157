import type { Hex } from "@tabcast/channel";
import { type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openCredit } from "./credit.ts";
import type { Place } from "./places.ts";

const { signal } = new AbortController();

/** A place whose offer allows `window` segments unpaid, and what was done about it. */
function open(window = 2) {
  const place = {
    offer: { window },
    award: { id: new Uint8Array(16) },
    broadcaster: "b",
    stream: "s",
    potId: "0x01" as Hex,
    unpaid: new Map(),
    ahead: new Set(),
    paidAt: 0,
  } as unknown as Place;
  let now = 0;
  let late = new AbortController();
  const log: string[] = [];
  const credit = openCredit({
    purse: { window: () => 4 },
    places: {
      all: () => [place],
      quit: () => log.push("quit"),
      bye: (_, { why }) => log.push(`bye: ${why}`),
    },
    clock: {
      ...systemClock,
      now: () => now as Millis,
      timeout: () => {
        late = new AbortController();
        return late.signal;
      },
    },
  });
  return {
    place,
    credit,
    log,
    /** Time passes, beyond what a segment waits. */
    pass(ms: number) {
      now += ms;
      late.abort();
    },
    deliver: (...seqs: number[]) => {
      for (const seq of seqs) credit.delivered(place, seq);
    },
    /** Whether a segment that is done may be delivered now. */
    async fits(seq: number): Promise<boolean> {
      const waiting = credit.room(place, seq, { signal });
      late.abort();
      return waiting.then(
        () => true,
        () => false,
      );
    },
  };
}

test("no more than the offer's window is delivered unpaid, and each payment makes room for one", async () => {
  const { credit, place, deliver, fits } = open();
  deliver(1, 2);
  const waiting = credit.room(place, 3, { signal });
  expect(credit.lend(place, 4)).toBe(false);
  credit.paid(place, 1);
  await waiting;
  deliver(3);
  expect(await fits(4)).toBe(false);
});

test("a bad verdict makes room too", async () => {
  const { credit, place, deliver, fits } = open();
  deliver(1, 2);
  credit.failed(place, 1);
  expect(await fits(3)).toBe(true);
});

test("a segment that is done takes the room of one that is being made", async () => {
  const { credit, place, deliver, fits } = open();
  deliver(1);
  expect(credit.lend(place, 2)).toBe(true);
  expect(await fits(3)).toBe(true);
  deliver(3);
  expect(credit.lend(place, 2)).toBe(false);
});

test("what was called back counts if most of it had been sent, and until something else is paid", async () => {
  const { credit, place, deliver, fits } = open();
  credit.lend(place, 1);
  credit.ended(place, 1, { calledBack: true, frames: 30, planned: 60 });
  expect(place.unpaid.size).toBe(0);
  credit.lend(place, 2);
  credit.ended(place, 2, { calledBack: true, frames: 31, planned: 60 });
  deliver(3);
  expect(await fits(4)).toBe(false);
  credit.paid(place, 3);
  expect(place.unpaid.size).toBe(0);
});

test("a voucher without a guarantee takes room until it has one", async () => {
  const { credit, place, deliver, fits } = open();
  deliver(1, 2);
  credit.held(place, 1);
  for (let seq = 100; seq < 200; seq++) credit.held(place, seq); // never delivered
  credit.guaranteed("0x02");
  expect([...place.unpaid.keys()]).toEqual([1, 2]);
  expect(await fits(3)).toBe(false);
  credit.guaranteed("0x01");
  expect(await fits(3)).toBe(true);
  expect([...place.unpaid.keys()]).toEqual([2]);
});

test("a stream that has not paid for a minute is left, told why, and gets no bid until it pays", async () => {
  const { credit, place, log, deliver, fits, pass } = open();
  deliver(1, 2);
  expect(await fits(3)).toBe(false);
  expect(log).toEqual([]);
  pass(60_000);
  expect(await fits(3)).toBe(false);
  expect(log).toEqual(["bye: unpaid", "quit"]);
  expect(credit.shuns("s")).toBe(true);
  expect([...place.unpaid.keys()]).toEqual([1, 2]);
  credit.paid(place, 1);
  expect(credit.shuns("s")).toBe(false);
});

test("a stream that we were too slow for is left for a few seconds, and what was overtaken is let go", async () => {
  const { credit, place, log, deliver, fits, pass } = open();
  deliver(1, 2);
  for (const seq of [1, 2]) credit.overtaken(place, seq);
  credit.overtaken(place, 9); // never delivered
  expect(await fits(3)).toBe(false);
  expect(log).toEqual(["bye: unpaid", "quit"]);
  expect(place.unpaid.size).toBe(0);
  expect(credit.shuns("s")).toBe(true);
  pass(5_000);
  expect(credit.shuns("s")).toBe(false);
});
