import type { Made, Transcoded } from "@tabcast/media";
import { MAX_PART, type Piece, type Rendition } from "@tabcast/protocol";
import { concatBytes, sha256 } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { type Outgoing, openIncoming, openOutgoing } from "./ahead.ts";

const bytes = (length: number, from = 0) => Uint8Array.from({ length }, (_, i) => (from + i) & 255);

/** A rendition whose samples follow `headLen` bytes. */
function rendition(rung: string, samples: Uint8Array, headLen = 40): Transcoded {
  const media = concatBytes(bytes(headLen, 200), samples);
  return { rung, init: bytes(30, 7), media, headLen, codecs: "avc1.64001f", frames: 60 };
}

async function promise({ rung, init, media, frames }: Transcoded): Promise<Rendition> {
  const [initHash, mediaHash] = [await sha256(init), await sha256(media)];
  const sizes = { initLen: init.byteLength, mediaLen: media.byteLength };
  return { rung, initHash, mediaHash, ...sizes, frames };
}

/** All that leaves, in order. */
function* partsOf(outgoing: Outgoing) {
  for (let part = outgoing.next(); part !== undefined; part = outgoing.next()) yield part;
}

const made = (rung: number, at: number, samples: Uint8Array): Made => ({
  rung,
  at,
  bytes: samples as Uint8Array<ArrayBuffer>,
});

describe("renditions that leave while they are made", () => {
  test("arrive whole: samples as they are encoded, heads last", async () => {
    const outgoing = openOutgoing(2);
    const incoming = openIncoming([10_000, 10_000]);
    const [small, large] = [rendition("240p", bytes(900)), rendition("720p", bytes(5_000, 3))];
    const kinds: boolean[] = [];
    const flow = () => {
      for (const { pieces, body } of partsOf(outgoing)) {
        kinds.push(...pieces.map(({ head }) => head));
        expect(incoming.put(pieces, body)).toBe(true);
      }
    };
    outgoing.add(made(0, 0, small.media.subarray(40, 500)));
    outgoing.add(made(1, 0, large.media.subarray(40, 1_000)));
    flow();
    expect(outgoing.next()).toBeUndefined();
    outgoing.add(made(1, 960, large.media.subarray(1_000)));
    outgoing.add(made(0, 460, small.media.subarray(500)));
    flow();
    outgoing.finish([small, large]);
    flow();
    expect(kinds).toEqual([false, false, false, false, true, true]);
    for (const [i, one] of [small, large].entries())
      expect(await incoming.take(i, await promise(one))).toEqual({
        init: one.init,
        media: one.media,
      });
    // Once: it is not kept twice.
    expect(await incoming.take(0, await promise(small))).toBeUndefined();
  });

  test("leave in parts that are never too large, also where nobody told of samples", async () => {
    const outgoing = openOutgoing(1);
    const incoming = openIncoming([3 * MAX_PART]);
    const whole = rendition("720p", bytes(2 * MAX_PART + 77));
    outgoing.finish([whole]);
    const sizes = [...partsOf(outgoing)].map(({ pieces, body }) => {
      expect(incoming.put(pieces, body)).toBe(true);
      return body.byteLength;
    });
    expect(sizes).toEqual([MAX_PART, MAX_PART, 77 + 70]);
    expect((await incoming.take(0, await promise(whole)))?.media).toEqual(whole.media);
  });

  test("begin anew where an encoder was replaced", async () => {
    const outgoing = openOutgoing(1);
    const incoming = openIncoming([10_000]);
    const whole = rendition("720p", bytes(600, 9));
    const flow = () => {
      for (const { pieces, body } of partsOf(outgoing)) incoming.put(pieces, body);
    };
    outgoing.add(made(0, 0, bytes(500)));
    flow();
    outgoing.add(made(0, 500, bytes(100)));
    outgoing.add(made(0, 0, whole.media.subarray(40, 300)));
    flow();
    outgoing.finish([whole]);
    flow();
    expect((await incoming.take(0, await promise(whole)))?.media).toEqual(whole.media);
  });
});

describe("a rendition that is not what the receipt promises has to be pulled", () => {
  const whole = rendition("720p", bytes(600));
  const head = concatBytes(whole.init, whole.media.subarray(0, 40));
  const samples = whole.media.subarray(40);
  const piece = (values: Partial<Piece>): Piece => ({
    rung: 0,
    head: false,
    at: 0,
    len: 600,
    ...values,
  });
  const heads = piece({ head: true, len: head.byteLength });

  test.each<[string, readonly [readonly Piece[], Uint8Array][], Partial<Rendition>]>([
    ["no head", [[[piece({})], samples]], {}],
    ["no samples", [[[heads], head]], {}],
    ["another hash", [[[piece({}), heads], concatBytes(samples.toReversed(), head)]], {}],
    ["another size", [[[piece({}), heads], concatBytes(samples, head)]], { mediaLen: 639 }],
    ["more than a rendition may have", [[[piece({ len: 80_000 })], bytes(80_000)]], {}],
  ])("%s", async (_, parts, other) => {
    const incoming = openIncoming([10_000]);
    for (const [pieces, body] of parts)
      expect(incoming.put(pieces, body.slice() as Uint8Array<ArrayBuffer>)).toBe(true);
    expect(await incoming.take(0, { ...(await promise(whole)), ...other })).toBeUndefined();
  });

  test.each<[string, readonly Piece[], number]>([
    ["lengths that are not the body's", [piece({ len: 599 })], 600],
    ["bytes without a piece", [], 1],
    ["a rung that was not asked for", [piece({ rung: 1 })], 600],
    ["a hole", [piece({ at: 1 })], 600],
  ])("a part with %s is against the protocol", (_, pieces, size) => {
    expect(openIncoming([10_000]).put(pieces, bytes(size))).toBe(false);
  });
});
