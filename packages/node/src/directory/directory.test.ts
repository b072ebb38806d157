import { gossipLimits } from "@tabcast/mesh";
import {
  ANNOUNCE_TTL_MS,
  type Announce,
  gossipRules,
  LIVE_TOPIC,
  MAX_LIVE,
} from "@tabcast/protocol";
import { Millis, toHex } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { Directory, type Heard } from "./directory.ts";

const at = Millis.of;

/** An announcement, as it was opened; the envelope holds the stream's number only. */
function heard(n: number, change: Partial<Announce> & { readonly group?: string } = {}): Heard {
  const { group = `198.51.100.${n}`, ...fields } = change;
  const stream = new Uint8Array(32);
  new DataView(stream.buffer).setUint32(0, n);
  const announce: Announce = {
    stream,
    broadcaster: `broadcaster${n}`,
    addrs: [],
    title: "",
    codec: "avc",
    segmentMs: 2_000,
    rungs: [],
    source: { name: "source", width: 640, height: 360, bitrate: 1_000 },
    audio: false,
    startedMs: 0,
    newest: 0,
    ended: false,
    atMs: 1,
    ...fields,
  };
  return { announce, sealed: stream.slice(), group };
}

const everything = { streams: [], from: 0, most: 32 };
/** The numbers of all streams that its pages list, in their order. */
function read(directory: Directory, now = at(0)): number[] {
  const numbers: number[] = [];
  for (;;) {
    const { announces, total } = directory.page({ ...everything, from: numbers.length }, now);
    for (const sealed of announces) numbers.push(new DataView(sealed.buffer).getUint32(0));
    if (announces.length === 0 || numbers.length >= total) return numbers;
  }
}

test("ten thousand forged announcements of one address leave every honest stream on the first page", () => {
  const directory = new Directory();
  for (let n = 0; n < 5; n++) directory.take(heard(n), at(0));
  for (let n = 100; n < 10_100; n++) directory.take(heard(n, { group: "203.0.113.7" }), at(1));
  for (let n = 5; n < 10; n++) expect(directory.take(heard(n), at(2))).toBe(true);
  const first = read(directory, at(3)).slice(0, 32);
  expect(first.filter((n) => n < 100).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(directory.size).toBe(4_096);
});

test("five hundred made-up streams, announced in their time over one connection to another relay, leave what began there later on the first three pages", () => {
  let now = 0;
  const clock = { now: () => at(now), unix: () => at(now) };
  const there = gossipLimits(gossipRules({ clock, as: "relay" }), { clock, trusted: () => false });
  const here = new Directory();
  const group = "another relay";
  const bring = (neighbour: string, n: number) =>
    there.admits(LIVE_TOPIC, neighbour) && here.take(heard(n, { group, atMs: now + 1 }), at(now));
  for (; now <= 90_000; now += 50) {
    bring("sybil", 100 + ((now / 50) % 500));
    if (now >= 30_000 && now % 10_000 === 0) expect(bring("honest", 1)).toBe(true);
  }
  const place = read(here, at(now)).indexOf(1);
  expect(place).toBeGreaterThan(0);
  expect(place).toBeLessThan(3 * MAX_LIVE);
});

test("a stream that says that it is unlisted is not listed, nor given to who names it", () => {
  const directory = new Directory();
  const hidden = heard(7, { unlisted: true });
  expect(directory.take(hidden, at(0))).toBe(false);
  directory.take(heard(8), at(0));
  const named = { ...everything, streams: [hidden.announce.stream] };
  expect(directory.page(named, at(0)).announces).toHaveLength(1);
  expect(read(directory)).toEqual([8]);
});

test("a stream that is announced in its time makes room for nobody", () => {
  const directory = new Directory(8);
  for (let n = 0; n < 8; n++) directory.take(heard(n), at(0));
  for (let round = 1; round < 20; round++) {
    const now = at(round * 20_000);
    for (let n = 0; n < 8; n++)
      expect(directory.take(heard(n, { atMs: 1 + round }), now)).toBe(true);
    expect(directory.take(heard(1_000 + round), now)).toBe(false);
  }
  expect(read(directory, at(19 * 20_000))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("a broadcaster is listed with four streams, and with another when one has ended", () => {
  const directory = new Directory();
  const one = { broadcaster: "one" };
  for (let n = 0; n < 4; n++) expect(directory.take(heard(n, one), at(0))).toBe(true);
  expect(directory.take(heard(4, one), at(0))).toBe(false);
  directory.take(heard(0, { ...one, atMs: 2, ended: true }), at(1));
  expect(directory.take(heard(4, one), at(1))).toBe(true);
});

test("an old announcement changes nothing: not while its stream runs, not after its end, not after it fell silent", () => {
  const directory = new Directory();
  directory.take(heard(1, { atMs: 10, title: "now" }), at(0));
  expect(directory.take(heard(1, { atMs: 10, title: "old" }), at(1))).toBe(false);
  directory.take(heard(1, { atMs: 20, ended: true }), at(2));
  expect(directory.take(heard(1, { atMs: 15 }), at(3))).toBe(false);
  expect(read(directory, at(3))).toEqual([]);
  directory.take(heard(2, { atMs: 10 }), at(0));
  const silent = ANNOUNCE_TTL_MS + 1_000;
  expect(read(directory, at(silent))).toEqual([]);
  expect(directory.take(heard(2, { atMs: 10 }), at(silent + 1))).toBe(false);
  expect(directory.take(heard(2, { atMs: 11 }), at(silent + 2))).toBe(true);
});

test("those that are asked for come first, and pages go on where the one before ended", () => {
  const directory = new Directory();
  for (let n = 0; n < 100; n++) directory.take(heard(n), at(0));
  const streams = [heard(77).announce.stream, heard(5_000).announce.stream];
  const { announces, total } = directory.page({ streams, from: 0, most: 32 }, at(0));
  expect(toHex(announces[0] ?? new Uint8Array())).toBe(toHex(heard(77).sealed));
  expect(announces).toHaveLength(32);
  expect(total).toBe(100);
  expect(new Set(read(directory)).size).toBe(100);
});

test("a page of the largest announcements fits one answer", () => {
  const directory = new Directory();
  for (let n = 0; n < 32; n++)
    directory.take({ ...heard(n), sealed: new Uint8Array(8_448) }, at(0));
  const { announces } = directory.page(everything, at(0));
  expect(announces.length).toBe(7);
});

test("a list that is read all the time is put in order once a second, and what is asked for by name is there at once", () => {
  const directory = new Directory();
  for (let n = 0; n < 3; n++) directory.take(heard(n), at(0));
  expect(read(directory, at(0))).toEqual([0, 1, 2]);
  directory.take(heard(1, { atMs: 2, ended: true }), at(1));
  directory.take(heard(3), at(2));
  expect(read(directory, at(999))).toEqual([0, 2]);
  const streams = [heard(3).announce.stream];
  expect(directory.page({ streams, from: 65_535, most: 1 }, at(999)).announces).toHaveLength(1);
  expect(read(directory, at(1_000))).toEqual([0, 2, 3]);
});

test("an announcement that is larger than any may be is not listed: no page would hold it", () => {
  const directory = new Directory();
  expect(directory.take({ ...heard(1), sealed: new Uint8Array(60_000) }, at(0))).toBe(false);
  expect(directory.size).toBe(0);
});
