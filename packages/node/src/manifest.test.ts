import type { Announce, Entry } from "@tabcast/protocol";
import { describe, expect, test } from "vitest";
import * as Manifest from "./manifest.ts";

const stream = new Uint8Array(32);
const hash = (n: number) => new Uint8Array(32).fill(n);

function entry(seq: number, gap = false): Manifest.Sealed<Entry> {
  const track = (name: string, frames: number) => ({
    name,
    codecs: gap && name === "360p" ? "" : "avc1.4d401e",
    initHash: hash(1),
    mediaHash: hash(seq + 2),
    initLen: 700,
    mediaLen: 100_000,
    frames,
    holders: [0],
    gap: gap && name === "360p",
  });
  return {
    message: {
      stream,
      broadcaster: "12D3KooW",
      seq,
      startUs: seq * 2_000_000,
      durationUs: 2_000_000,
      capturedMs: 1_700_000_000_000 + seq * 2_000,
      holders: [{ peer: "12D3KooW", addrs: [] }],
      tracks: [track("360p", 50), track("240p", 50), track("source", 50)],
    },
    sealed: new Uint8Array(900),
  };
}

function announce(atMs: number, newest: number, ended = false): Manifest.Sealed<Announce> {
  const rung = { name: "360p", width: 640, height: 360, bitrate: 800_000 };
  return {
    message: {
      stream,
      broadcaster: "12D3KooW",
      addrs: [],
      title: "t",
      codec: "avc",
      segmentMs: 2_000,
      rungs: [rung, { name: "240p", width: 426, height: 240, bitrate: 250_000 }],
      source: { ...rung, name: "source" },
      audio: false,
      startedMs: 0,
      newest,
      ended,
      atMs,
    },
    sealed: new Uint8Array(300),
  };
}

const take = (...seqs: number[]) =>
  seqs.reduce((manifest, seq) => Manifest.entered(manifest, entry(seq)), Manifest.emptyManifest);

describe("a manifest", () => {
  test("plays only an unbroken run, whatever order entries come in", () => {
    expect(take(5, 7, 6)).toMatchObject({ first: 5, end: 8 });
    expect(take(5, 7)).toMatchObject({ first: 5, end: 6 });
    expect(Manifest.missing(take(5, 7))).toBe(6);
    expect(Manifest.missing(take(5, 6))).toBeUndefined();
  });

  test("jumps over a hole once four entries beyond it are known", () => {
    expect(take(0, 1, 3, 4, 5)).toMatchObject({ first: 0, end: 2 });
    expect(take(0, 1, 3, 4, 5, 6)).toMatchObject({ first: 3, end: 7 });
  });

  test("keeps the first entry of a sequence and ignores what is older than its start", () => {
    const manifest = take(5, 6);
    expect(Manifest.entered(manifest, entry(5))).toBe(manifest);
    expect(Manifest.entered(manifest, entry(4))).toBe(manifest);
  });

  test("keeps a second, different entry of a sequence as a proof, once, and plays the first", () => {
    const other = (seq: number, durationUs = 1_000_000) => {
      const { message } = entry(seq);
      return { message: { ...message, durationUs }, sealed: new Uint8Array([seq]) };
    };
    const manifest = Manifest.entered(take(5, 6), other(5));
    expect(manifest.entries.get(5)).toEqual(entry(5));
    expect(manifest.conflicts.get(5)).toEqual(other(5));
    expect(manifest).toMatchObject({ first: 5, end: 7 });
    expect(Manifest.entered(manifest, other(5, 7))).toBe(manifest);
    // The same words under another envelope contradict nothing.
    expect(Manifest.entered(manifest, { ...entry(6), sealed: new Uint8Array(1) })).toBe(manifest);
    let many = take(...Array.from({ length: 40 }, (_, seq) => seq));
    for (let seq = 0; seq < 40; seq++) many = Manifest.entered(many, other(seq));
    expect(many.conflicts.size).toBe(16);
  });

  test("never falls back to an older announcement", () => {
    const manifest = Manifest.announced(take(0), announce(2_000, 3));
    expect(Manifest.announced(manifest, announce(1_000, 9))).toBe(manifest);
    expect(Manifest.missing(manifest)).toBe(1);
  });

  test("is complete once the broadcaster ended and all its entries are here", () => {
    expect(Manifest.complete(Manifest.announced(take(0, 1), announce(1, 2)))).toBe(false);
    expect(Manifest.complete(Manifest.announced(take(0, 1), announce(1, 3, true)))).toBe(false);
    expect(Manifest.complete(Manifest.announced(take(0, 1), announce(1, 2, true)))).toBe(true);
  });

  test("is bounded: the oldest entry makes room", () => {
    let manifest = Manifest.emptyManifest;
    for (let seq = 0; seq < Manifest.MOST_ENTRIES + 10; seq++)
      manifest = Manifest.entered(manifest, entry(seq));
    expect(manifest.entries.size).toBe(Manifest.MOST_ENTRIES);
    expect(manifest).toMatchObject({ first: 10, end: Manifest.MOST_ENTRIES + 10 });
  });

  test("answers a request with no more than fits, from where it was asked", () => {
    const manifest = take(...Array.from({ length: 100 }, (_, seq) => seq));
    const reply = Manifest.reply(manifest, { stream, from: 20, most: 64 });
    expect(reply.byteLength).toBeLessThanOrEqual(61_440);
    expect(reply.byteLength).toBeGreaterThan(40 * 900);
    expect(Manifest.reply(manifest, { stream, from: 500, most: 64 }).byteLength).toBe(0);
  });

  test("marks a missing rendition as a gap, and still offers its rung, which may come back", () => {
    const manifest = Manifest.announced(
      Manifest.entered(take(0), entry(1, true)),
      announce(1, 2, true),
    );
    const entries = [entry(0), entry(1, true)].map(({ message }) => message);
    const { pieces, ended } = Manifest.playlist(manifest, "360p", entries);
    expect(ended).toBe(true);
    expect(pieces.map(({ gap }) => gap === true)).toEqual([false, true]);
    const { variants } = Manifest.variants(announce(1, 2).message, [entry(1, true).message]);
    const rungs = variants.map(({ name, codecs, bandwidth }) => [name, codecs, bandwidth.average]);
    expect(rungs).toContainEqual(["360p", "avc1.4d401e", 800_000]);
    expect(rungs).toHaveLength(3);
  });

  test("offers no rung that a stream which is over never had, for nobody was asked for it", () => {
    const entries = [entry(0, true), entry(1, true)];
    const offers = (over: boolean, of = entries) => {
      const last = announce(1, 2, over);
      const manifest = Manifest.announced(
        of.reduce(Manifest.entered, Manifest.emptyManifest),
        last,
      );
      const messages = of.map(({ message }) => message);
      return Manifest.offered(manifest, last.message, messages).rungs.map(({ name }) => name);
    };
    expect(offers(true)).toEqual(["240p"]);
    expect(offers(false)).toEqual(["360p", "240p"]); // it may come back
    expect(offers(true, [entry(0), entry(1, true)])).toEqual(["360p", "240p"]); // a gap is a gap
  });

  test("offers sound in all its codings, or in the first that a player takes", () => {
    const { message } = entry(0);
    const [track] = message.tracks as [Entry["tracks"][number]];
    const sounding = {
      ...message,
      tracks: [
        ...message.tracks,
        { ...track, name: "audio", codecs: "opus" },
        { ...track, name: "audio-aac", codecs: "mp4a.40.2" },
      ],
    };
    const groups = (plays?: (codecs: string) => boolean) =>
      Manifest.variants(announce(1, 1).message, [sounding], plays).audio?.map(({ group }) => group);
    expect(groups()).toEqual(["audio", "audio-aac"]);
    expect(groups(() => true)).toEqual(["audio"]);
    expect(groups((codecs) => codecs !== "opus")).toEqual(["audio-aac"]);
    expect(groups(() => false)).toEqual([]);
  });

  test("names the most demanding codec of a rung's encoders and the mean frame rate", () => {
    const other = { ...entry(1).message, durationUs: 1_000_000 };
    const better = {
      ...other,
      tracks: other.tracks.map((track) => ({ ...track, codecs: "avc1.640028", frames: 25 })),
    };
    const { variants } = Manifest.variants(announce(1, 2).message, [entry(0).message, better]);
    for (const variant of variants)
      expect(variant).toMatchObject({ codecs: "avc1.640028", frameRate: 25 });
  });

  test("keeps the target duration of its longest segment after that has left the window", () => {
    const long = entry(0);
    const manifest = Manifest.announced(
      Manifest.entered(
        Manifest.entered(Manifest.emptyManifest, {
          ...long,
          message: { ...long.message, durationUs: 3_900_000 },
        }),
        entry(1),
      ),
      announce(1, 2),
    );
    expect(Manifest.playlist(manifest, "360p", [entry(1).message]).target).toBe(3_900_000);
  });
});
