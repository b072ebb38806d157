import type { LiveStream } from "@tabcast/node/types";
import { expect, test } from "vitest";
import { lockedWords, notYetWatching, offered, SHOWN, step, strip } from "./watching.ts";

const fetched = (peer: string, bytes: number, track = "720p") =>
  ({ type: "fetched", seq: 1, track, peer, bytes, ms: 5 }) as const;

test("bytes are counted once each, and the last to deliver a picture is named", () => {
  const after = [fetched("a", 100), fetched("b", 50), fetched("a", 7, "audio")].reduce(
    step,
    notYetWatching,
  );
  expect(after).toMatchObject({ checked: 157, segments: 3, from: "b", refused: 0 });
  expect(after.sources.get("a")).toEqual({ tracks: ["720p", "audio"], bytes: 107 });
});

test("a peer that failed or lied is counted as refused and delivers nothing", () => {
  const after = [
    { type: "mismatch", seq: 1, track: "720p", peer: "a" } as const,
    { type: "unreachable", seq: 1, track: "720p", peer: "b" } as const,
  ].reduce(step, notYetWatching);
  expect(after).toMatchObject({ refused: 2, checked: 0, segments: 0 });
});

test("segments that the broadcaster signed twice are counted", () => {
  const proof = [new Uint8Array(1), new Uint8Array(2)] as const;
  const after = [7, 8]
    .map((seq) => ({ type: "equivocated", seq, proof }) as const)
    .reduce(step, notYetWatching);
  expect(after).toMatchObject({ contradicted: 2, ended: false });
});

test("gaps are remembered for as long as the strip can show them, and no longer", () => {
  let state = notYetWatching;
  for (let seq = 0; seq < 1_000; seq++) state = step(state, { type: "entry", seq, gaps: ["720p"] });
  expect(state.gaps.size).toBeLessThanOrEqual(121);
  expect(state.newest).toBe(999);
});

test("a rung that all segments shown miss is no choice, and is one again with the first that has it", () => {
  const rungs = ["240p", "720p", "source"];
  const entry = (seq: number, gaps: readonly string[]) => ({ type: "entry", seq, gaps }) as const;
  expect(offered(notYetWatching, rungs)).toEqual(rungs);
  let state = notYetWatching;
  for (let seq = 40; seq < 45; seq++) state = step(state, entry(seq, ["720p"]));
  expect(offered(state, rungs)).toEqual(["240p", "source"]);
  state = step(state, entry(45, ["240p"]));
  expect(offered(state, rungs)).toEqual(rungs);
  // A gap here and there is a gap of a rung that is offered.
  for (let seq = 46; seq < 44 + SHOWN; seq++) state = step(state, entry(seq, ["720p"]));
  expect(offered(state, rungs)).toEqual(rungs);
  state = step(state, entry(44 + SHOWN, ["720p"]));
  state = step(state, entry(45 + SHOWN, ["720p"]));
  expect(offered(state, rungs)).toEqual(["240p", "source"]);
});

test("the strip tells played, missing, passed over and coming segments apart", () => {
  const rungs = ["240p", "720p"];
  let state = notYetWatching;
  const gaps: Record<number, string[]> = { 3: rungs, 4: ["720p"] };
  for (let seq = 0; seq <= 7; seq++)
    state = step(state, { type: "entry", seq, gaps: gaps[seq] ?? [] });
  const played = new Map([
    [1, "240p"],
    [2, "240p"],
    [4, "240p"],
    [6, "720p"],
  ]);
  const cells = strip(state, { seq: 6, played }, rungs, 36);
  expect(cells.map(({ seq, kind }) => `${seq} ${kind}`)).toEqual([
    "1 played",
    "2 played",
    "3 gap",
    "4 played",
    "5 skipped",
    "6 played",
    "7 ahead",
  ]);
  expect(strip(state, { seq: 6, played }, rungs, 2).map(({ seq }) => seq)).toEqual([6, 7]);
  expect(strip(notYetWatching, { played: new Map() }, rungs, 36)).toEqual([]);
});

test("an end that was announced stays the end", () => {
  const ended = step(notYetWatching, { type: "ended" });
  expect(step(ended, { type: "entry", seq: 3, gaps: [] }).ended).toBe(true);
});

test("a private stream that stays shut says why, and nothing of it once it opens", () => {
  const live = { title: "a stream", ended: false } as LiveStream;
  const shut = step(notYetWatching, { type: "locked", key: "missing" });
  expect(shut.locked).toBe("missing");
  expect(step(shut, { type: "entry", seq: 1, gaps: [] }).locked).toBe("missing");
  expect(step(shut, { type: "announced", live }).locked).toBeUndefined();
  expect(new Set(Object.values(lockedWords)).size).toBe(3);
});
