import type { Rung } from "@tabcast/media";
import type { Mesh } from "@tabcast/mesh";
import type { Entry, Loose } from "@tabcast/protocol";
import { Amount, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openBlobStore } from "../blob-store.ts";
import type { Captured, Collected, JobTerms } from "./delivery.ts";
import { openEntries } from "./entries.ts";
import type { Whole } from "./outcome.ts";
import type { Publisher } from "./publisher.ts";
import { linesOf } from "./report.ts";
import type { Pass } from "./sounds.ts";

const rungs = ["720p", "360p", "90p"].map((name) => ({ name, width: 16, height: 16 })) as Rung[];
const bytes = (size: number) => new Uint8Array(size);
const fragment = { init: bytes(1), media: bytes(2), codecs: "avc1", frames: 60 };
const parts = { ...fragment, initHash: bytes(32), mediaHash: bytes(32) };
const rendition = (rung: string, media = bytes(3)) => ({ ...parts, rung, media }) as Collected;

/** A segment of which a worker made two rungs, one of them this tab too, and this tab the third. */
const whole: Whole = {
  segment: {
    seq: 4,
    closedAt: 0,
    initHash: bytes(32),
    mediaHash: bytes(32),
    video: fragment,
    audio: Promise.resolve(undefined),
  } as unknown as Captured,
  by: "worker",
  addrs: [],
  renditions: [rendition("90p"), rendition("360p")],
  unasked: { renditions: [rendition("360p", bytes(9)), rendition("720p", bytes(9))], encodeMs: 70 },
  encodeMs: 20,
  sentAt: 0,
  verifiedAt: 0,
  attempts: 1,
  hedged: false,
  pay: {
    terms: { rungs: rungs.slice(1), price: 1_000_000_000n } as unknown as JobTerms,
    amount: Amount.zero,
    cleared: Promise.resolve(true),
  },
};

async function publish(made: Whole, pass?: Pass) {
  const entries: Loose<Entry>[] = [];
  const publisher = {
    async publish(entry: Loose<Entry>) {
      entries.push(entry);
    },
  } as unknown as Publisher;
  const { signal } = new AbortController();
  const mesh = { self: "here", addrs: () => [] as string[] } as unknown as Mesh;
  const { add } = openEntries(
    { mesh, rungs, clock: systemClock, signal },
    { aac: false, pass, blobs: openBlobStore(), publisher, failed() {}, ended: signal },
  );
  const added = await add(made);
  return { ...added, tracks: entries[0]?.tracks ?? [], holders: entries[0]?.holders ?? [] };
}

test("an entry has what this tab made beside a worker, and says that only this tab holds it", async () => {
  const { tracks, gaps, whole: published } = await publish(whole);
  expect(gaps).toEqual([]);
  expect(tracks.map(({ name, holders, mediaLen }) => [name, holders, mediaLen])).toEqual([
    ["720p", [0], 9],
    ["360p", [1, 0], 3],
    ["90p", [1, 0], 3],
    ["source", [1, 0], 2],
  ]);
  const recorded = published.tracks.map(({ name, media }) => [name, media.byteLength]);
  expect(recorded.toSorted()).toEqual([
    ["360p", 3],
    ["720p", 9],
    ["90p", 3],
    ["source", 2],
  ]);
});

test("an entry names the workers that hold its sound, before this tab", async () => {
  const segment = { ...whole.segment, audio: Promise.resolve(fragment) } as unknown as Captured;
  const given: number[] = [];
  const { tracks, holders } = await publish({ ...whole, segment }, ({ seq }) => {
    given.push(seq);
    return [
      Promise.resolve([{ peer: "another", addrs: ["/a"] }]),
      Promise.resolve([{ peer: "worker", addrs: [] }]),
    ];
  });
  expect(given).toEqual([4]);
  expect(holders.map(({ peer }) => peer)).toEqual(["here", "worker", "another"]);
  expect(tracks.find(({ name }) => name === "audio")?.holders).toEqual([2, 1, 0]);
  expect(tracks.find(({ name }) => name === "360p")?.holders).toEqual([1, 0]);
});

test("a rung that neither a worker nor this tab made is a gap", async () => {
  const { gaps } = await publish({ ...whole, unasked: { renditions: [], encodeMs: 0 } });
  expect(gaps).toEqual(["720p"]);
});

test("the report says which rungs this tab made beside a worker, and pays for the worker's alone", () => {
  const lines = linesOf(whole, Amount.of(60), rungs, 0);
  expect(lines.map((one) => [one.rung, one.worker, one.encodeMs, one.bytes])).toEqual([
    ["720p", "local", 70, 9],
    ["360p", "worker", 20, 3],
    ["90p", "worker", 20, 3],
  ]);
  expect(lines.map(({ asked, verified }) => [asked, verified])).toEqual([
    [false, true],
    [true, true],
    [true, true],
  ]);
  expect(lines.map(({ paid }) => paid === "0")).toEqual([true, false, false]);
});
