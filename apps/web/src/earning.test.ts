import type { WorkerEvent } from "@tabcast/node/types";
import { Amount, Wei } from "@tabcast/runtime";
import type { WatchtowerNews } from "@tabcast/tab";
import { expect, test } from "vitest";
import { type Earning, notEarning, sentence, step } from "./earning.ts";

const job = (seq: number, state: "started" | "done" | "failed"): WorkerEvent => ({
  type: "job",
  stream: "s",
  seq,
  state,
  ms: state === "started" ? 0 : 700,
});
const paid = (seq: number, wei: bigint): WorkerEvent => ({
  type: "paid",
  stream: "s",
  seq,
  credited: Amount.of(wei),
  total: Amount.of(wei),
});
const working = { ...notEarning, phase: "working", reachable: true } as const;

test("what the purse says of its pots is heard", () => {
  const kept = step(working, { type: "delegated", potId: "0x07", keepers: 2 });
  expect(kept.heard.keepers.get("0x07")).toBe(2);
  const news = { type: "due", potId: "0x07", amount: Amount.of(5), before: 900 } as const;
  expect(step(working, { type: "money", news }).heard.due.size).toBe(1);
});

test("earned is the sum of what was credited, and each job shows its own part", () => {
  const after = [
    job(1, "started"),
    job(1, "done"),
    paid(1, 5n),
    job(2, "done"),
    paid(2, 7n),
  ].reduce(step, notEarning);
  expect(after.earned).toBe(12n);
  expect(after.jobs.map(({ seq, paid }) => [seq, paid])).toEqual([
    [2, 7n],
    [1, 5n],
  ]);
  expect(after).toMatchObject({ done: 2, failed: 0 });
});

test("a job has one line whatever becomes of it, and the list is bounded", () => {
  const twice = [job(1, "started"), job(1, "failed")].reduce(step, notEarning);
  expect(twice.jobs).toHaveLength(1);
  expect(twice).toMatchObject({ done: 0, failed: 1 });
  let state = notEarning;
  for (let seq = 0; seq < 500; seq++) state = step(state, job(seq, "done"));
  expect(state.jobs).toHaveLength(50);
  expect(state.done).toBe(500);
});

test("the sentence names what the worker waits for, or the segment in hand", () => {
  expect(sentence(notEarning)).toBe("This tab is not working.");
  expect(sentence({ ...working, reachable: false })).toContain("relay");
  expect(sentence(working)).toBe("Waiting for offers.");
  const hired = step(working, { type: "hired", stream: "s", role: "crew", potId: "0x07" });
  expect(sentence(hired)).toBe("Hired. Waiting for the next segment.");
  const busy = step(hired, job(4, "started"));
  expect(sentence(busy)).toBe("Working on segment 4.");
  expect(sentence({ ...busy, phase: "paused" })).toContain("segment 4");
  expect(sentence(step(busy, job(4, "done")))).toBe("Hired. Waiting for the next segment.");
  expect(sentence(step(hired, { type: "left", stream: "s" }))).toBe("Waiting for offers.");
  expect(step(hired, { type: "left", stream: "another" }).hired.size).toBe(1);
});

test("a tab that lets an offer pass says why, until it takes one", () => {
  const pass = (event: Omit<Extract<WorkerEvent, { type: "passed" }>, "type" | "stream">) =>
    step(working, { type: "passed", stream: "s", ...event });
  const passed = pass({ why: "incapable", codec: "avc", needed: 5e6, measured: 4.04e6 });
  expect(sentence(passed)).toMatch(
    /^Waiting for offers\. .* 5\.0 Mpixel\/s of H\.264 .* 4\.0 Mpixel\/s;/,
  );
  expect(sentence(pass({ why: "too expensive", codec: "avc" }))).toContain("pays less");
  expect(sentence(pass({ why: "incapable", codec: "vp9" }))).toContain("wants VP9");
  expect(sentence(pass({ why: "busy", codec: "avc" }))).toContain("had enough to do");
  expect(sentence(pass({ why: "denied", codec: "avc" }))).toContain("not for this tab");
  expect(sentence(step(passed, { type: "bid", stream: "s" }))).toBe("Waiting for offers.");
});

test("a tab too slow for a whole ladder says that it offers itself for the lower rungs, until it is taken", () => {
  const slow = { type: "slow", stream: "s", codec: "avc", needed: 5e6, measured: 2e6 } as const;
  const waiting = step(working, slow);
  expect(sentence(waiting)).toBe(
    "Waiting for offers. All rungs of the last one need 5.0 Mpixel/s of H.264 and this device measured 2.0 Mpixel/s; it offers to make the lower ones, should nobody quicker come.",
  );
  expect(sentence(step(waiting, { type: "bid", stream: "s" }))).toBe("Waiting for offers.");
});

test("what the tab's watchtower brought to others, kept and spent is summed up", () => {
  const payee = `0x${"1".repeat(40)}` as const;
  const told: readonly WatchtowerNews[] = [
    { type: "saved", payee, saved: Amount.of(95n) },
    { type: "earned", share: Amount.of(5n) },
    { type: "spent", cost: Wei.of(2n) },
    { type: "saved", payee, saved: Amount.of(190n) },
    { type: "earned", share: Amount.of(10n) },
    { type: "withdrawn", amount: Amount.of(15n) },
    { type: "spent", cost: Wei.of(1n) },
  ];
  let state: Earning = working;
  for (const news of told) state = step(state, { type: "watchtower", news });
  expect(state.tower).toEqual({ saved: 285n, earned: 15n, spent: 3n });
});
