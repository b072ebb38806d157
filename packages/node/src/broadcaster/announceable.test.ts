import { describe, expect, test } from "vitest";
import { type Plan, requireAnnounceable, UnannounceableError } from "./announceable.ts";
import { broadcast } from "./broadcast.ts";
import type { BroadcastOptions } from "./types.ts";

const info = {
  kind: "simulated",
  codec: "avc1.64001f",
  width: 1_280,
  height: 720,
  frameRate: 30,
  bitrate: 3_000_000,
  audioCodec: "opus",
} as unknown as Plan["info"];
const rung = (name: string, values: object = {}) =>
  ({ name, width: 640, height: 360, bitrate: 800_000, ...values }) as Plan["rungs"][number];
const plan: Plan = {
  info,
  rungs: [rung("360p")],
  codec: "avc",
  title: "a stream",
  segmentMs: 2_000,
  slackMs: 4_000,
  maxPrice: 1n,
  wanted: 2,
};
const eight = Array.from({ length: 8 }, (_, i) => rung(`r${i}`));

describe("a stream that peers would refuse to hear of", () => {
  const table: readonly (readonly [string, Partial<Plan>, RegExp])[] = [
    [
      "source",
      { info: { ...info, width: 16, height: 4_000 } },
      /announce\.source\.height .*3840, got 4000$/,
    ],
    [
      "odd source",
      { info: { ...info, width: 641 } },
      /announce\.source\.width must be even, got 641$/,
    ],
    ["tiny source", { info: { ...info, width: 8 } }, /announce\.source\.width .* 16 .* got 8$/],
    [
      "rung",
      { rungs: [rung("x", { height: 5_000 })] },
      /announce\.rungs\[0\]\.height .* got 5000$/,
    ],
    ["rung's bitrate", { rungs: [rung("x", { bitrate: 1 })] }, /rungs\[0\]\.bitrate .* got 1$/],
    ["rung's name", { rungs: [rung("a b")] }, /rungs\[0\]\.name .* got "a b"$/],
    ["same name twice", { rungs: [rung("x"), rung("x")] }, /rungs must be distinct names/],
    [
      "rung called source",
      { rungs: [rung("source")] },
      /rungs must be distinct names, none of source/,
    ],
    [
      "nine rungs",
      { rungs: [...eight, rung("one more")] },
      /rungs must be 0 to 8 items, got 9 items$/,
    ],
    ["title", { title: "x".repeat(201) }, /title must be text of 0 to 200 characters/],
    ["broken title", { title: "\ud800" }, /title must be text/],
    ["short segments", { segmentMs: 499 }, /segmentMs .* from 500 to 10000, got 499$/],
    ["long segments", { segmentMs: 10_001 }, /segmentMs .* got 10001$/],
    ["split segments", { segmentMs: 1_000.5 }, /segmentMs must be a whole number/],
    ["frame rate", { info: { ...info, frameRate: 300 } }, /offer\.fpsMilli .* got 300000$/],
    ["price", { maxPrice: 1n << 64n }, /offer\.maxPrice must be a price from 0 to 2\^64 - 1/],
    ["workers", { wanted: 9 }, /offer\.wanted .* from 1 to 8, got 9$/],
    ["tags", { workers: { need: ["a b"] } }, /offer\.need\[0\] must be text/],
    ["source codec", { info: { ...info, codec: "" } }, /offer\.sourceCodec must be text of 1/],
  ];
  test.each(table)(
    "for its %s is refused, in one line that says what was expected and what came",
    (_, of, words) => {
      expect(() => requireAnnounceable({ ...plan, ...of })).toThrow(UnannounceableError);
      expect(() => requireAnnounceable({ ...plan, ...of })).toThrow(words);
      expect(() => requireAnnounceable({ ...plan, ...of })).not.toThrow(/\n/);
    },
  );

  test("is refused before money is deposited and before anything is sent", async () => {
    let deposits = 0;
    const mesh = new Proxy({}, { get: () => expect.unreachable("nothing was to be sent") });
    const options = {
      mesh,
      source: { info: { ...info, width: 16, height: 4_000 } },
      rungs: plan.rungs,
      codec: "avc",
      title: "x",
      pace: "live",
      openPot: () => expect.unreachable(`deposit ${++deposits}`),
      on: () => expect.unreachable("nothing has begun"),
      signal: new AbortController().signal,
    } as unknown as BroadcastOptions;
    await expect(broadcast(options)).rejects.toMatchObject({ code: "BROADCAST_REFUSED" });
    expect(deposits).toBe(0);
  });
});

describe("a stream that peers hear of", () => {
  test.each<readonly [string, Partial<Plan>]>([
    ["the usual one", {}],
    ["without a ladder", { rungs: [], wanted: 0 }],
    ["a portrait picture", { info: { ...info, width: 2_160, height: 3_840 } }],
    ["eight rungs, with sound in two codecs", { rungs: eight, aac: true }],
    ["no offer, whatever it would say", { wanted: 0, maxPrice: 1n << 64n }],
  ])("is begun: %s", (_, of) => {
    expect(() => requireAnnounceable({ ...plan, ...of })).not.toThrow();
  });
});
