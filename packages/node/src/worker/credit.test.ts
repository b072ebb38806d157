import type { Hex } from "@tabcast/channel";
import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openCredit } from "./credit.ts";
import type { Engagement } from "./engagements.ts";

const { signal } = new AbortController();

/** An engagement whose offer allows `window` segments unpaid, and what was done about it. */
function open(window = 2) {
  const engagement = {
    offer: { window },
    award: { id: new Uint8Array(16) },
    broadcaster: "b",
    stream: "s",
    potId: "0x01" as Hex,
    unpaid: new Map(),
    ahead: new Set(),
    paidAt: 0,
  } as unknown as Engagement;
  let now = 0;
  let late = new AbortController();
  const log: string[] = [];
  const clock: Clock = {
    ...systemClock,
    now: () => now as Millis,
    timeout: () => {
      late = new AbortController();
      return late.signal;
    },
  };
  const credit = openCredit(
    { clock },
    {
      purse: { window: () => 4 },
      engagements: {
        all: () => [engagement],
        quit: () => log.push("quit"),
        bye: (_, { why }) => log.push(`bye: ${why}`),
      },
    },
  );
  return {
    engagement,
    credit,
    log,
    /** Time passes, beyond what a segment waits. */
    pass(ms: number) {
      now += ms;
      late.abort();
    },
    deliver: (...seqs: number[]) => {
      for (const seq of seqs) credit.delivered(engagement, seq);
    },
    /** Whether a segment that is done may be delivered now. */
    async fits(seq: number): Promise<boolean> {
      const waiting = credit.room(engagement, seq, { signal });
      late.abort();
      return waiting.then(
        () => true,
        () => false,
      );
    },
  };
}

test("a worker delivers no more unpaid than the offer's window, and one segment more for each payment", async () => {
  const { credit, engagement, deliver, fits } = open();
  deliver(1, 2);
  const waiting = credit.room(engagement, 3, { signal });
  expect(credit.lend(engagement, 4)).toBe(false);
  credit.paid(engagement, 1);
  await waiting;
  deliver(3);
  expect(await fits(4)).toBe(false);
});

test("a bad verdict makes room too", async () => {
  const { credit, engagement, deliver, fits } = open();
  deliver(1, 2);
  credit.failed(engagement, 1);
  expect(await fits(3)).toBe(true);
});

test("a segment that is done takes the room of one that is being made", async () => {
  const { credit, engagement, deliver, fits } = open();
  deliver(1);
  expect(credit.lend(engagement, 2)).toBe(true);
  expect(await fits(3)).toBe(true);
  deliver(3);
  expect(credit.lend(engagement, 2)).toBe(false);
});

test("a job that was called back counts as unpaid if most of it had been sent, and until something else is paid", async () => {
  const { credit, engagement, deliver, fits } = open();
  credit.lend(engagement, 1);
  credit.ended(engagement, 1, { calledBack: true, frames: 30, planned: 60 });
  expect(engagement.unpaid.size).toBe(0);
  credit.lend(engagement, 2);
  credit.ended(engagement, 2, { calledBack: true, frames: 31, planned: 60 });
  deliver(3);
  expect(await fits(4)).toBe(false);
  credit.paid(engagement, 3);
  expect(engagement.unpaid.size).toBe(0);
});

test("a segment whose voucher has no guarantee counts as unpaid until it has one", async () => {
  const { credit, engagement, deliver, fits } = open();
  deliver(1, 2);
  credit.held(engagement, 1);
  for (let seq = 100; seq < 200; seq++) credit.held(engagement, seq); // never delivered
  credit.guaranteed("0x02");
  expect([...engagement.unpaid.keys()]).toEqual([1, 2]);
  expect(await fits(3)).toBe(false);
  credit.guaranteed("0x01");
  expect(await fits(3)).toBe(true);
  expect([...engagement.unpaid.keys()]).toEqual([2]);
});

test("a stream that has not paid for a minute is left, told why, and gets no bid until it pays", async () => {
  const { credit, engagement, log, deliver, fits, pass } = open();
  deliver(1, 2);
  expect(await fits(3)).toBe(false);
  expect(log).toEqual([]);
  pass(60_000);
  expect(await fits(3)).toBe(false);
  expect(log).toEqual(["bye: unpaid", "quit"]);
  expect(credit.backsOff("s")).toBe(true);
  expect([...engagement.unpaid.keys()]).toEqual([1, 2]);
  credit.paid(engagement, 1);
  expect(credit.backsOff("s")).toBe(false);
});

test("a stream that we were too slow for is left for a few seconds, and what was superseded is let go", async () => {
  const { credit, engagement, log, deliver, fits, pass } = open();
  deliver(1, 2);
  for (const seq of [1, 2]) credit.superseded(engagement, seq);
  credit.superseded(engagement, 9); // never delivered
  expect(await fits(3)).toBe(false);
  expect(log).toEqual(["bye: unpaid", "quit"]);
  expect(engagement.unpaid.size).toBe(0);
  expect(credit.backsOff("s")).toBe(true);
  pass(5_000);
  expect(credit.backsOff("s")).toBe(false);
});
