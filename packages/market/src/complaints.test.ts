import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { Complaints } from "./complaints.ts";
import { LIVE } from "./config.ts";

const SEED = Number(process.env.SEED ?? Date.now() | 0);
/** Two seconds of the bench's ladder, in bytes. */
const sizes = [62_500, 200_000, 400_000, 750_000];
const ladder = sizes.reduce((sum, size) => sum + size, 0);
const SEGMENT_MS = 2_000;

describe("a complaint", () => {
  test("moves the next look to its holder and rung, and is used up by one look", () => {
    const complaints = new Complaints(LIVE);
    expect(complaints.due("wim", 0)).toBeUndefined();
    expect(complaints.take({ viewer: "vera", holder: "wim", rung: "360p" }, 0)).toBe("taken");
    expect(complaints.due("wim", 0)).toBe("360p");
    expect(complaints.due("xander", 0)).toBeUndefined();
    complaints.looked("wim", "240p", "served", 0);
    expect(complaints.due("wim", 0)).toBe("360p");
    complaints.looked("wim", "360p", "failed", 0);
    expect(complaints.due("wim", 0)).toBeUndefined();
  });

  test("of one viewer is one of three, and then of one a minute", () => {
    const complaints = new Complaints(LIVE);
    const say = (now: number) =>
      complaints.take({ viewer: "vera", holder: "wim", rung: "360p" }, now);
    expect([say(0), say(0), say(0), say(0)]).toEqual(["taken", "taken", "taken", "limited"]);
    expect([say(60_000), say(60_000)]).toEqual(["taken", "limited"]);
  });

  test("of a stranger shares one allowance with all strangers, and of who was right does not", () => {
    const complaints = new Complaints(LIVE);
    complaints.take({ viewer: "vera", holder: "wim", rung: "360p" }, 0);
    complaints.looked("wim", "360p", "failed", 0);
    const strangers = Array.from({ length: 10_000 }, (_, i) =>
      complaints.take({ viewer: `mallory ${i}`, holder: "xander", rung: "360p" }, 0),
    );
    const { burst } = LIVE.complaints.strangers;
    expect(strangers.filter((taken) => taken === "taken")).toHaveLength(burst - 1);
    expect(complaints.take({ viewer: "wanda", holder: "wim", rung: "360p" }, 0)).toBe("limited");
    expect(complaints.take({ viewer: "vera", holder: "wim", rung: "360p" }, 0)).toBe("taken");
  });

  test("of who was wrong is a stranger's again", () => {
    const complaints = new Complaints(LIVE);
    const say = (rung: string, now: number) =>
      complaints.take({ viewer: "vera", holder: "wim", rung }, now);
    say("360p", 0);
    complaints.looked("wim", "360p", "failed", 0);
    say("360p", 1);
    complaints.looked("wim", "360p", "served", 1);
    say("360p", 2);
    expect(complaints.due("wim", 2)).toBeUndefined();
    expect(complaints.due("wim", 1 + LIVE.complaints.quietMs)).toBe("360p");
  });
});

describe("who is framed", () => {
  test("is looked at less and less often, while another holder's victims are heard", () => {
    const complaints = new Complaints(LIVE);
    let looks = 0;
    const MINUTES = 30;
    for (let now = 0; now < MINUTES * 60_000; now += SEGMENT_MS) {
      for (let i = 0; i < 10; i++)
        complaints.take({ viewer: `mallory ${now + i}`, holder: "wim", rung: "720p" }, now);
      if (complaints.due("wim", now) === undefined) continue;
      looks++;
      complaints.looked("wim", "720p", "served", now);
    }
    // 20, 40, 80, 160 s, and then one in 320 s.
    expect(looks).toBeLessThan(4 + (MINUTES * 60) / 300 + 2);
    const now = MINUTES * 60_000 + 60_000;
    complaints.take({ viewer: "vera", holder: "xander", rung: "720p" }, now);
    expect(complaints.due("xander", now)).toBe("720p");
  });
});

test(`looks on account of complaints cost a twentieth of what is published (SEED=${SEED})`, () => {
  const random = seededRandom(SEED, "complaints");
  const complaints = new Complaints(LIVE);
  expect(complaints.spend(1)).toBe(false);
  const SEGMENTS = 2_000;
  let spent = 0;
  let looks = 0;
  for (let i = 0; i < SEGMENTS; i++) {
    complaints.earn(sizes);
    const size = sizes[random.below(sizes.length)] as number;
    if (!complaints.spend(size)) continue;
    spent += size;
    looks++;
  }
  const saved = 2 * 750_000;
  expect(spent).toBeLessThanOrEqual(LIVE.complaints.share * SEGMENTS * ladder + saved);
  expect(looks).toBeGreaterThan(SEGMENTS / 20);
});

test("two looks at the largest rung can be paid for from the first segment on", () => {
  const complaints = new Complaints(LIVE);
  complaints.earn(sizes);
  expect([complaints.spend(750_000), complaints.spend(750_000), complaints.spend(1)]).toEqual([
    true,
    true,
    false,
  ]);
});

describe("a stranger who complains of another rung", () => {
  test("takes no victim's complaint away, nor that it was right before", () => {
    const complaints = new Complaints(LIVE);
    const say = (viewer: string, rung: string, now: number) =>
      complaints.take({ viewer, holder: "wim", rung }, now);
    say("vera", "720p", 0);
    complaints.looked("wim", "720p", "failed", 0);
    say("vera", "720p", 1);
    say("mallory", "240p", 2);
    complaints.looked("wim", "240p", "served", 3);
    expect(complaints.due("wim", 4)).toBe("720p");
  });

  test("does not keep looks from the rung that fails strangers", () => {
    const complaints = new Complaints(LIVE);
    const looked: string[] = [];
    for (let now = 0; looked.length < 2 && now < 120_000; now += SEGMENT_MS) {
      complaints.take({ viewer: "vera", holder: "wim", rung: "720p" }, now);
      complaints.take({ viewer: `mallory ${now}`, holder: "wim", rung: "240p" }, now);
      const rung = complaints.due("wim", now);
      if (rung === undefined) continue;
      looked.push(rung);
      complaints.looked("wim", rung, rung === "240p" ? "served" : "failed", now);
    }
    expect(looked).toContain("720p");
  });
});
