import type { Entry } from "@tabcast/protocol";
import { Amount } from "@tabcast/runtime";
import { expect, test } from "vitest";
import type { Entries } from "./entries.ts";
import { NOTHING } from "./local-encoder.ts";
import type { Outcome } from "./outcome.ts";
import { openPublishing } from "./publishing.ts";
import type { PublishedSegment } from "./types.ts";

const outcome = (seq: number) => ({ segment: { seq } }) as Outcome;

/** Publishes to nobody; entries of `broken` sequences cannot be made. */
function open({ broken = [] as number[], record = async (_: PublishedSegment) => {} } = {}) {
  const told = { paid: [] as number[], published: [] as number[], failed: [] as unknown[] };
  const entries: Entries = {
    captured() {},
    async add({ segment: { seq } }) {
      if (broken.includes(seq)) throw new Error(`no entry ${seq}`);
      return { whole: { seq } as PublishedSegment, entry: {} as Entry, gaps: [] };
    },
  };
  const publishing = openPublishing(
    { rungs: [], on() {} },
    {
      entries,
      async pay({ segment }) {
        told.paid.push(segment.seq);
        return Amount.zero;
      },
      published: ({ segment }) => void told.published.push(segment.seq),
      record,
      liveAt: 0,
      fail: (error) => void told.failed.push(error),
      changed() {},
    },
  );
  return { publishing, told };
}

test("a segment is paid for at once, and published when those before it are there", async () => {
  const { publishing, told } = open();
  publishing.done(outcome(1));
  expect(told.paid).toEqual([1]);
  publishing.done(outcome(0));
  await expect.poll(() => publishing.recorded()).toBe(2);
  expect(told.paid).toEqual([1, 0]);
  expect(told.published).toEqual([0, 1]);
});

test("a worker is paid at once, also where publishing waits for what this tab makes beside it", async () => {
  const { publishing, told } = open();
  const { promise: unasked, resolve } = Promise.withResolvers<typeof NOTHING>();
  publishing.done({ ...outcome(0), unasked });
  publishing.done(outcome(1));
  await expect.poll(() => told.paid).toEqual([0, 1]);
  expect(told.published).toEqual([]);
  resolve(NOTHING);
  await expect.poll(() => told.published).toEqual([0, 1]);
});

test("a stream goes on after a segment that could not be published, and says so", async () => {
  const { publishing, told } = open({ broken: [0] });
  publishing.done(outcome(0));
  publishing.done(outcome(1));
  await expect.poll(() => publishing.recorded()).toBe(2);
  expect(told.published).toEqual([1]);
  expect(told.failed).toEqual([new Error("no entry 0")]);
  expect(publishing.published()).toBe(2);
});

test("a segment is published without waiting for the recorder", async () => {
  const { promise: written, resolve } = Promise.withResolvers<void>();
  const { publishing } = open({ record: () => written });
  publishing.done(outcome(0));
  publishing.done(outcome(1));
  await expect.poll(() => publishing.published()).toBe(2);
  expect(publishing.recorded()).toBe(0);
  resolve();
  await expect.poll(() => publishing.recorded()).toBe(2);
});
