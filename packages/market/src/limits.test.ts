import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as Limits from "./limits.ts";

const { SEED, FC_PATH = "", RUNS = "200" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };
const rate: Limits.Rate = { perSecond: 2, burst: 5, patience: 10, cutMs: 60_000 };

/** Sends `count` messages, one each `everyMs`. */
function flood(count: number, everyMs: number) {
  let bucket: Limits.Bucket | undefined;
  return Array.from({ length: count }, (_, i) => {
    const [next, answer] = Limits.take(bucket, rate, i * everyMs);
    bucket = next;
    return answer;
  });
}

describe("a peer's messages", () => {
  test("all come through at the allowed pace, for ever", () => {
    expect(new Set(flood(1_000, 500))).toEqual(new Set(["take"]));
  });

  test("are limited to the burst in a flood, and then cut off for a minute", () => {
    const answers = flood(100, 1);
    expect(answers.slice(0, 15)).toEqual([
      ...Array.from({ length: 5 }, () => "take"),
      ...Array.from({ length: 9 }, () => "limited"),
      "cut",
    ]);
    expect(answers.slice(15).every((answer) => answer === "cut")).toBe(true);
    let bucket: Limits.Bucket | undefined;
    for (let i = 0; i < 15; i++) [bucket] = Limits.take(bucket, rate, i);
    expect(Limits.take(bucket, rate, 59_000)[1]).toBe("cut");
    expect(Limits.take(bucket, rate, 60_100)[1]).toBe("take");
  });
});

describe(`any times (SEED=${replay.seed})`, () => {
  test("never let more through than the burst and the rate allow, also when the clock steps back", () => {
    const property = fc.property(
      fc.array(fc.integer({ min: -2_000, max: 3_000 }), { maxLength: 200 }),
      (waits) => {
        let bucket: Limits.Bucket | undefined;
        let now = 1_000_000;
        const first = now + (waits[0] ?? 0);
        let latest = first;
        let taken = 0;
        for (const wait of waits) {
          now += wait;
          latest = Math.max(latest, now);
          const [next, answer] = Limits.take(bucket, rate, now);
          bucket = next;
          if (answer === "take") taken++;
          expect(next.tokens).toBeGreaterThanOrEqual(0);
          expect(next.tokens).toBeLessThanOrEqual(rate.burst);
        }
        expect(taken).toBeLessThanOrEqual(rate.burst + ((latest - first) * 2) / 1_000);
      },
    );
    fc.assert(property, replay);
  });

  test("leave a bounded number of peers remembered, and those that are cut off for longest", () => {
    const buckets: Limits.Buckets = new Map();
    for (let i = 0; i < 20; i++) Limits.admit(buckets, "flooder", rate, i);
    for (let i = 0; i < 3 * Limits.MOST_PEERS; i++) Limits.admit(buckets, `p${i}`, rate, 100 + i);
    expect(buckets.size).toBe(Limits.MOST_PEERS);
    expect(Limits.admit(buckets, "flooder", rate, 2_000)).toBe("cut");
  });
});

test.each<[string, object, Limits.Drop | undefined]>([
  ["PROTOCOL_TOO_LARGE", {}, "oversized"],
  ["MESH_TOO_LARGE", {}, "oversized"],
  ["PROTOCOL_MALFORMED", {}, "malformed"],
  ["PROTOCOL_FIELD", {}, "malformed"],
  ["PROTOCOL_SIGNER", {}, "mis-signed"],
  ["PROTOCOL_SIGNATURE", {}, "mis-signed"],
  ["PROTOCOL_STALE", { atMs: 5, nowMs: 9 }, "expired"],
  ["PROTOCOL_STALE", { atMs: 9, nowMs: 5 }, "future-dated"],
  ["PROTOCOL_NO_PROOF", {}, "contradictory"],
  ["JOB_CONFLICT", {}, "contradictory"],
  ["MESH_PEER_LOST", {}, undefined],
])("the error %s %j is counted as %s", (code, reason, drop) => {
  expect(Limits.reasonOf({ code, reason })).toBe(drop);
});

test("drops are counted apart by reason", () => {
  const counts = (["expired", "replayed", "expired"] as const).reduce<Limits.Drops>(
    Limits.count,
    {},
  );
  expect(counts).toEqual({ expired: 2, replayed: 1 });
});
