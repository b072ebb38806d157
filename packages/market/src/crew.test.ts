import type { Bid } from "@tabcast/protocol";
import { seededRandom, toHex } from "@tabcast/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIVE } from "./config.ts";
import * as Crew from "./crew.ts";

const { SEED, FC_PATH = "", RUNS = "300" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };

const need: Crew.Need = {
  wanted: 2,
  maxPrice: 1_000n,
  pixels: 83_000_000,
  bytes: 750_000,
  segmentMs: 2_000,
  slackMs: 4_000,
};

const available = (crew: Crew.Crew) => Crew.available(crew, LIVE, () => false);

/** A broadcaster with its hiring, for one test. */
function hiring(values: Partial<Crew.Need> = {}) {
  const random = seededRandom(5, "hiring");
  let crew = Crew.open({ ...need, ...values });
  const play = (event: Crew.Event) => {
    const [next, effects] = Crew.step(crew, event, LIVE, random);
    crew = next;
    return effects;
  };
  const bid = (worker: string, now: number, of: Partial<Bid> = {}, payeeProven = false) =>
    play({
      type: "bid",
      now,
      payeeProven,
      bid: {
        offer: crew.offer?.id as Uint8Array<ArrayBuffer>,
        worker,
        payee: new Uint8Array(20),
        lane: 1,
        price: 1_000n,
        pixelsPerS: 200_000_000,
        slots: 1,
        queueMs: 0,
        ageMs: 0,
        tags: [],
        addrs: [],
        proof: new Uint8Array(0),
        payeeProof: new Uint8Array(0),
        award: new Uint8Array(16).fill(worker.charCodeAt(0)),
        ...of,
      },
    });
  const accept = (worker: string, now: number) =>
    play({ type: "accepted", worker, epoch: crew.members.get(worker)?.epoch ?? 0, now });
  const awards = (effects: readonly Crew.Effect[]) =>
    effects.flatMap((effect) => (effect.do === "award" ? [effect.member] : []));
  return { play, bid, accept, awards, now: () => crew };
}

/** Hires these workers into the crew, and the rest as backup, by time 1_000. */
function hired(workers: readonly string[], values: Partial<Crew.Need> = {}) {
  const at = hiring(values);
  at.play({ type: "tick", now: 0 });
  for (const worker of workers) at.bid(worker, 100);
  at.play({ type: "tick", now: 500 });
  for (const worker of workers) at.accept(worker, 1_000);
  return at;
}

/** Four have bid, three are hired; one of these, while the fourth's bid is in hand. */
function chosen() {
  const at = hiring();
  at.play({ type: "tick", now: 0 });
  for (const worker of ["a", "b", "c", "d"]) at.bid(worker, 100);
  const [member] = at.awards(at.play({ type: "tick", now: 500 }));
  for (const { worker } of at.now().members.values()) at.accept(worker, 600);
  return { at, worker: member?.worker ?? "" };
}

describe("an offer", () => {
  test("goes out at once, and again under the same id while crew is missing", () => {
    const { play } = hiring();
    const first = play({ type: "tick", now: 0 });
    expect(first).toMatchObject([{ do: "offer" }]);
    expect(play({ type: "tick", now: 1_000 })).toEqual([]);
    expect(play({ type: "tick", now: Crew.REPEAT_MS })).toEqual([{ ...first[0], repeats: 1 }]);
  });

  test("says how many offers before it nobody has answered, and forgets them with a bid", () => {
    const { play, bid } = hiring();
    const renewed = (n: number) => play({ type: "tick", now: n * LIVE.offerTtlMs }).at(-1);
    expect([0, 1, 2].map(renewed)).toMatchObject([
      { repeats: 0, unanswered: 0 },
      { repeats: 0, unanswered: 1 },
      { repeats: 0, unanswered: 2 },
    ]);
    bid("a", 2 * LIVE.offerTtlMs + 1);
    expect(renewed(3)).toMatchObject({ do: "offer", repeats: 0, unanswered: 0 });
  });

  test("gets a fresh id when its time is over", () => {
    const { play } = hiring();
    const [first] = play({ type: "tick", now: 0 });
    const [second] = play({ type: "tick", now: LIVE.offerTtlMs });
    expect(second).toMatchObject({ do: "offer" });
    expect(second).not.toEqual(first);
  });

  test("is closed once crew and backup are awarded, and not before the bids are in", () => {
    const { play, bid, awards } = hiring();
    play({ type: "tick", now: 0 });
    for (const worker of ["a", "b", "c", "d"])
      expect(bid(worker, 100)).toEqual([{ do: "answer", worker, ok: true, why: "", retryMs: 0 }]);
    const effects = play({ type: "tick", now: LIVE.collectMs });
    expect(awards(effects).map(({ role }) => role)).toEqual(["crew", "crew", "backup"]);
    expect(effects.at(-1)).toMatchObject({ do: "closed" });
  });

  test("does not wait for the time to be over when enough have bid", () => {
    const { play, bid, awards } = hiring();
    play({ type: "tick", now: 0 });
    const effects = Array.from({ length: LIVE.enoughBids }, (_, i) => bid(`w${i}`, 20 * i)).flat();
    expect(awards(effects)).toHaveLength(3);
  });

  test("stays open for latecomers while there is no backup", () => {
    const at = hired(["a", "b"]);
    expect(at.now().offer?.open).toBe(true);
    const effects = at.bid("late", 2_000);
    expect(at.awards(effects)).toMatchObject([{ worker: "late", role: "backup" }]);
    expect(effects.at(-1)).toMatchObject({ do: "closed" });
  });
});

describe("the purse of the backup", () => {
  const purse = (id: number, pixelsPerS: number) => ({
    payee: new Uint8Array(20).fill(id),
    pixelsPerS,
  });
  const awarded = (at: ReturnType<typeof hiring>) => at.awards(at.play({ type: "tick", now: 500 }));

  test("is another than the crew's where one with another purse has bid", () => {
    const purses = (others: readonly string[]) => {
      const at = hiring();
      at.play({ type: "tick", now: 0 });
      for (const worker of ["a", "b", "c", "d"]) at.bid(worker, 100, purse(1, 900_000_000), true);
      for (const worker of others) at.bid(worker, 100, purse(2, 120_000_000), true);
      return awarded(at).map(({ role, payee }) => `${role} ${payee[0]}`);
    };
    expect(purses([])).toEqual(["crew 1", "crew 1", "backup 1"]);
    // Slower than all who were passed over.
    expect(purses(["e"])).toEqual(["crew 1", "crew 1", "backup 2"]);
  });

  test("may be the one whose address a crew has copied without its signature", () => {
    const at = hiring();
    at.play({ type: "tick", now: 0 });
    for (const thief of ["a", "b"]) at.bid(thief, 100, purse(1, 900_000_000));
    at.bid("slow", 100, purse(2, 120_000_000), true);
    at.bid("owner", 100, purse(1, 800_000_000), true);
    expect(awarded(at).map(({ worker }) => worker)).toEqual([
      expect.stringMatching(/^[ab]$/),
      expect.stringMatching(/^[ab]$/),
      "owner",
    ]);
  });
});

describe("a bid", () => {
  test.each<[string, Partial<Bid>, string]>([
    ["above the price", { price: 1_001n }, "too expensive"],
    ["for another offer", { offer: new Uint8Array(16) }, "unknown offer"],
    ["by a worker too slow for the slack", { pixelsPerS: 20_000_000 }, "too slow"],
    ["with a queue longer than the slack", { queueMs: 3_500 }, "too slow"],
  ])("%s is refused", (_, values, why) => {
    const { play, bid } = hiring();
    play({ type: "tick", now: 0 });
    expect(bid("a", 10, values)).toEqual([
      { do: "answer", worker: "a", ok: false, why, retryMs: 0 },
    ]);
  });

  test("by a worker that is hired already is refused, and so is one after the stream's end", () => {
    const at = hired(["a", "b"]);
    expect(at.bid("a", 1_500)[0]).toMatchObject({ ok: false, why: "already in" });
    at.play({ type: "ended", now: 2_000 });
    expect(at.bid("c", 2_100)).toMatchObject([{ ok: false, why: "closed" }]);
  });

  test("beyond the sixty-fourth of an offer is refused", () => {
    const { play, bid } = hiring({ wanted: 8 });
    play({ type: "tick", now: 0 });
    const answers = Array.from({ length: 80 }, (_, i) => bid(`w${i}`, 1)[0]);
    const taken = answers.filter((effect) => effect?.do === "answer" && effect.ok);
    expect(taken).toHaveLength(LIVE.mostBids);
    expect(answers.at(-1)).toMatchObject({ ok: false, why: "full" });
  });

  test("that a worker makes again replaces its earlier one", () => {
    const { play, bid, now } = hiring();
    play({ type: "tick", now: 0 });
    bid("a", 10);
    bid("a", 20, { price: 5n });
    expect(now().bids.get("a")?.bid.price).toBe(5n);
    expect(now().offer?.bids).toBe(1);
  });
});

describe("a vacancy in the crew", () => {
  test("goes to the backup, whose own goes to the next bid in hand", () => {
    const at = hiring();
    at.play({ type: "tick", now: 0 });
    for (const worker of ["a", "b", "c", "d"]) at.bid(worker, 100);
    const members = at.awards(at.play({ type: "tick", now: 500 }));
    for (const { worker } of members) at.accept(worker, 600);
    const [first] = members;
    const backup = members.find(({ role }) => role === "backup");
    const effects = at.play({
      type: "lost",
      worker: first?.worker ?? "",
      fault: "dead",
      now: 5_000,
    });
    expect(effects[0]).toMatchObject({ do: "drop", why: "dead" });
    expect(at.now().members.get(backup?.worker ?? "")).toMatchObject({ role: "crew" });
    expect(at.awards(effects)).toMatchObject([{ role: "backup" }]);
  });

  test("is offered again when there is no bid in hand", () => {
    const at = hired(["a", "b", "c"]);
    expect(at.now().offer?.open).toBe(false);
    const effects = at.play({ type: "lost", worker: "a", fault: "left", now: 5_000 });
    expect(effects.at(-1)).toMatchObject({ do: "offer" });
  });

  test("that an unanswered award leaves goes to the next bid in hand", () => {
    const at = hiring({ wanted: 1 });
    at.play({ type: "tick", now: 0 });
    at.bid("a", 10);
    at.bid("b", 10);
    at.bid("c", 10);
    at.play({ type: "tick", now: 500 });
    const effects = at.play({ type: "tick", now: 500 + LIVE.acceptMs });
    expect(effects.filter((effect) => effect.do === "drop")).toHaveLength(2);
    expect(at.awards(effects)).toMatchObject([{ role: "crew" }]);
  });

  test("that a draining worker leaves is filled while it finishes", () => {
    const at = hired(["a", "b"]);
    at.play({ type: "draining", worker: "a", now: 2_000 });
    expect(available(at.now()).map(({ worker }) => worker)).toEqual(["b"]);
    const effects = at.bid("c", 2_100);
    expect(at.awards(effects)).toMatchObject([{ worker: "c", role: "crew" }]);
  });
});

test("a member that says it will go, however often, is let go when it has had time to finish", () => {
  const at = hired(["a", "b"], { segmentMs: 2_000, slackMs: 4_000 });
  for (const now of [2_000, 4_000, 8_000, 9_999]) at.play({ type: "draining", worker: "a", now });
  expect(at.now().members.get("a")).toMatchObject({ state: "draining" });
  expect(Crew.wakeAt(at.now(), LIVE)).toBeLessThanOrEqual(10_000);
  expect(at.play({ type: "draining", worker: "a", now: 10_000 })).toContainEqual(
    expect.objectContaining({ do: "drop", why: "left" }),
  );
  expect(at.now().members.has("a")).toBe(false);
  expect(at.now().known.get("a")?.suspendedUntil, "it may come again").toBeLessThanOrEqual(10_000);
});

test("a member that goes has as long as a job may take, where that is longer than the slack", () => {
  const at = hired(["a", "b"], { segmentMs: 2_000, slackMs: 4_000, jobMs: 600_000 });
  at.play({ type: "draining", worker: "a", now: 2_000 });
  at.play({ type: "tick", now: 605_999 });
  expect(at.now().members.get("a")).toMatchObject({ state: "draining" });
  at.play({ type: "tick", now: 606_000 });
  expect(at.now().members.has("a")).toBe(false);
});

describe("a stream for which all bidders are too slow", () => {
  test("knows what they could make, and asks for less in a fresh offer that they may answer", () => {
    const at = hiring();
    at.play({ type: "tick", now: 0 });
    expect(at.bid("a", 100, { pixelsPerS: 20_000_000 })[0]).toMatchObject({ why: "too slow" });
    at.bid("b", 150, { pixelsPerS: 30_000_000 });
    // 0.7 of its claim, in what 4 s / 1.3 leave beside 600 ms of upload and 100 of pull.
    const makes = (21_000_000 * (4_000 / 1.3 - 700)) / 1_000;
    expect(at.now().slow).toBeCloseTo(makes, 0);
    const before = at.now().offer?.id as Uint8Array;
    const effects = at.play({ type: "asked", pixels: makes - 1_000, now: 600 });
    expect(effects).toContainEqual(expect.objectContaining({ do: "offer" }));
    expect(at.now().slow).toBe(0);
    expect(toHex(at.now().offer?.id as Uint8Array)).not.toBe(toHex(before));
    expect(at.bid("c", 700, { pixelsPerS: 30_000_000 })[0]).toMatchObject({ ok: true });
    expect(at.bid("a", 700, { pixelsPerS: 20_000_000 })[0]).toMatchObject({ why: "too slow" });
  });

  test("hires them at once when it asks for no more than they can make", () => {
    const at = hiring();
    at.play({ type: "tick", now: 0 });
    at.bid("a", 100, { pixelsPerS: 20_000_000 });
    for (const worker of ["b", "c"]) at.bid(worker, 150, { pixelsPerS: 30_000_000 });
    const effects = at.play({ type: "asked", pixels: at.now().slow - 1_000, now: 3_000 });
    const hired = at.awards(effects).map(({ worker, role }) => [worker, role]);
    expect(hired.toSorted()).toEqual([
      ["b", "crew"],
      ["c", "crew"],
    ]);
    // Nobody of them is a backup: others are asked for.
    expect(effects).toContainEqual(expect.objectContaining({ do: "offer" }));
    expect(at.now().spare.size).toBe(0);
  });

  test("does not count their bids among those that close an offer", () => {
    const at = hiring();
    at.play({ type: "tick", now: 0 });
    for (let i = 0; i < 80; i++) at.bid(`slow${i}`, 10, { pixelsPerS: 20_000_000 });
    expect(at.now().spare.size).toBe(LIVE.mostBids);
    expect(at.now().offer).toMatchObject({ open: true, decided: false, bids: 0 });
    for (const worker of ["a", "b", "c"]) expect(at.bid(worker, 20)[0]).toMatchObject({ ok: true });
    const effects = at.play({ type: "tick", now: 500 });
    expect(at.awards(effects)).toHaveLength(3);
    expect(effects.at(-1)).toMatchObject({ do: "closed" });
  });

  test("lets a worker go that cannot make what it asks for later", () => {
    const at = hired(["quick"], { wanted: 2, pixels: 20_000_000 });
    const slow = { pixelsPerS: 20_000_000 };
    at.bid("slow", 1_100, slow);
    at.accept("slow", 1_200);
    expect(available(at.now()).map(({ worker }) => worker)).toEqual(["quick", "slow"]);
    at.play({ type: "asked", pixels: need.pixels, now: 5_000 });
    expect(available(at.now()).map(({ worker }) => worker)).toEqual(["quick"]);
    expect(at.now().members.get("slow")).toMatchObject({ state: "draining", leaving: "too slow" });
  });

  test("forgets what they could make once their offer is over", () => {
    const at = hiring();
    at.play({ type: "tick", now: 0 });
    at.bid("a", 100, { pixelsPerS: 20_000_000 });
    at.play({ type: "tick", now: LIVE.offerTtlMs });
    expect(at.now().slow).toBe(0);
  });

  test("knows after three segments what a hired worker can make", () => {
    const at = hired(["a"], { wanted: 1 });
    expect(Crew.reach(at.now(), LIVE)).toBe(0);
    const sample = { pixels: 80_000_000, upload: undefined, encodeMs: 1_000, pullMs: 0 };
    for (const now of [3_000, 5_000, 7_000])
      at.play({ type: "delivered", worker: "a", sample, now });
    expect(Crew.reach(at.now(), LIVE)).toBeCloseTo(80_000 * (4_000 / 1.3 - 600), -3);
  });
});

describe("a worker", () => {
  test("may return 30 s after it was dropped, under a higher epoch", () => {
    const at = hired(["a", "b"]);
    const before = at.now().epochs.get("a") ?? 0;
    at.play({ type: "lost", worker: "a", fault: "failed", now: 2_000 });
    expect(at.bid("a", 31_000)[0]).toMatchObject({ ok: false, why: "wait" });
    const effects = at.bid("a", 32_001);
    expect(effects[0]).toMatchObject({ ok: true });
    expect(at.awards(effects)).toMatchObject([{ worker: "a", epoch: before + 2 }]);
  });

  test("does not return after a second invalid result", () => {
    const at = hired(["a", "b"]);
    at.play({ type: "lost", worker: "a", fault: "invalid", now: 2_000 });
    at.bid("a", 40_000);
    at.accept("a", 40_100);
    at.play({ type: "lost", worker: "a", fault: "invalid", now: 41_000 });
    expect(at.bid("a", 9_000_000)[0]).toMatchObject({ ok: false, why: "wait" });
  });

  test("may come back at once after it closed its page", () => {
    const at = hired(["a", "b"]);
    at.play({ type: "lost", worker: "a", fault: "left", now: 2_000 });
    expect(at.bid("a", 2_001)[0]).toMatchObject({ ok: true });
  });

  test("gets nothing for 6 s after being late, then for 12 s, and is dropped the third time", () => {
    const at = hired(["a", "b", "c"]);
    const ready = () =>
      available(at.now())
        .filter(({ role }) => role === "crew")
        .map(({ worker }) => worker)
        .sort();
    const crew = ready();
    const [worker = "", other = ""] = crew;
    const backup = ["a", "b", "c"].find((name) => !crew.includes(name)) ?? "";
    const late = (now: number) => at.play({ type: "lost", worker, fault: "late", now });
    expect(late(10_000)).toEqual([]);
    expect(ready()).toEqual([other, backup].sort()); // the backup stands in
    expect(Crew.wakeAt(at.now(), LIVE)).toBe(10_000 + LIVE.suspendMs);
    at.play({ type: "tick", now: 16_000 });
    expect(ready()).toEqual(crew);
    late(20_000);
    at.play({ type: "tick", now: 31_999 });
    expect(ready()).not.toContain(worker);
    at.play({ type: "tick", now: 32_000 });
    expect(ready()).toContain(worker);
    expect(late(40_000)).toContainEqual(expect.objectContaining({ do: "drop", why: "late" }));
  });

  test.each([
    ["one time in six is kept", 5, true],
    ["one time in three is dropped", 2, false],
  ])("that is late %s", (_, inTime, stays) => {
    const at = hired(["a", "b"]);
    const sample = { pixels: 1, upload: { bytes: 1, ms: 1 }, encodeMs: 1, pullMs: 1 };
    for (let now = 100_000; now < 1_000_000 && at.now().members.has("a"); now += 100_000) {
      at.play({ type: "lost", worker: "a", fault: "late", now });
      for (let i = 1; i <= inTime; i++)
        at.play({ type: "delivered", worker: "a", sample, now: now + i * 8_000 });
    }
    expect(at.now().members.has("a")).toBe(stays);
  });

  test("gets segments although it was late, if all are late", () => {
    const at = hired(["a", "b"]);
    at.play({ type: "lost", worker: "a", fault: "late", now: 100_000 });
    at.play({ type: "lost", worker: "b", fault: "late", now: 100_000 });
    expect(available(at.now())).toHaveLength(2);
  });

  test("stays hired after saying that it is full", () => {
    const at = hired(["a", "b"]);
    expect(at.play({ type: "lost", worker: "a", fault: "busy", now: 2_000 })).toEqual([]);
    expect(at.now().members.has("a")).toBe(true);
  });
});

describe("a stream that measures its workers", () => {
  const upload = { bytes: 750_000, ms: 100 };
  const sample = { pixels: 83_000_000, upload, encodeMs: 500, pullMs: 50 };

  test("believes its measurements instead of a worker's claim after three segments", () => {
    const at = hired(["a", "b"]);
    const speed = () => available(at.now()).find(({ worker }) => worker === "a")?.pixelsPerS;
    expect(speed()).toBeCloseTo(0.7 * 200_000_000, 0);
    for (let i = 0; i < 2; i++) at.play({ type: "delivered", worker: "a", sample, now: 2_000 });
    expect(speed()).toBeCloseTo(0.7 * 200_000_000, 0);
    at.play({ type: "delivered", worker: "a", sample, now: 3_000 });
    expect(speed()).toBeCloseTo(166_000_000, 0);
  });

  test("counts only what was sent at full speed: bytes that waited to be made say nothing of the link", () => {
    const at = hired(["a", "b"]);
    const uplink = () => available(at.now()).find(({ worker }) => worker === "a")?.uplink;
    const live = { ...sample, upload: undefined };
    at.play({ type: "delivered", worker: "a", sample: live, now: 2_000 });
    expect(uplink()).toBe(LIVE.assumedUplink);
    at.play({ type: "delivered", worker: "a", sample, now: 3_000 });
    at.play({ type: "delivered", worker: "a", sample: live, now: 4_000 });
    expect(uplink()).toBe(60_000_000);
  });

  test("lets a slow worker go only when somebody better has bid", () => {
    const slow = { ...sample, encodeMs: 3_000 };
    const alone = hired(["a", "b", "c"]);
    for (let i = 0; i < 9; i++)
      expect(alone.play({ type: "delivered", worker: "a", sample: slow, now: 2_000 })).toEqual([]);
    const { at, worker } = chosen();
    const effects = Array.from({ length: 4 }, () =>
      at.play({ type: "delivered", worker, sample: slow, now: 2_000 }),
    ).flat();
    // What it has in hand is still waited for: nothing is sent twice, and nothing it made is unpaid.
    expect(effects.some((effect) => effect.do === "drop")).toBe(false);
    expect(available(at.now()).map(({ worker }) => worker)).not.toContain(worker);
    const over = 2_000 + 2 * need.segmentMs + need.slackMs;
    expect(Crew.wakeAt(at.now(), LIVE)).toBeLessThanOrEqual(over);
    expect(at.play({ type: "tick", now: over })).toContainEqual(
      expect.objectContaining({ do: "drop", why: "too slow" }),
    );
  });

  test("keeps one behind a slow link, for nobody has measured a stranger's", () => {
    const behind = { ...sample, pullMs: 3_000 };
    const { at, worker } = chosen();
    for (let i = 0; i < 9; i++)
      expect(at.play({ type: "delivered", worker, sample: behind, now: 2_000 })).toEqual([]);
    expect(at.now().members.get(worker)?.state).toBe("hired");
  });

  test("gives the backup a turn when a worker's lease is over, if there is a backup", () => {
    const serve = (at: ReturnType<typeof hired>, worker: string, times: number) => {
      for (let i = 0; i < times; i++) at.play({ type: "delivered", worker, sample, now: 2_000 });
      return at.now().members.get(worker);
    };
    expect(serve(hired(["a", "b"]), "a", 2 * LIVE.lease)?.state).toBe("hired");

    const at = hired(["a", "b", "c"]);
    const roles = () => available(at.now()).map(({ worker, role }) => `${worker} ${role}`);
    const [first = ""] = roles()
      .filter((one) => one.endsWith("crew"))
      .map((one) => one.slice(0, 1));
    expect(serve(at, first, LIVE.lease - 1)?.state).toBe("hired");
    expect(serve(at, first, 1)).toMatchObject({ state: "draining", leaving: "lease over" });
    expect(roles()).toHaveLength(2);
    expect(roles().every((one) => one.endsWith("crew"))).toBe(true);
    expect(at.play({ type: "tick", now: 12_000 })).toContainEqual(
      expect.objectContaining({ do: "drop", why: "lease over" }),
    );
  });
});

test("a worker that does not serve what it made is dropped for a while, and for good the second time", () => {
  const at = hired(["a", "b"]);
  const unserved = (now: number) => at.play({ type: "lost", worker: "a", fault: "unserved", now });
  expect(unserved(2_000)).toContainEqual(expect.objectContaining({ do: "drop", why: "unserved" }));
  expect(at.now().known.get("a")).toMatchObject({
    suspendedUntil: 2_000 + LIVE.returnMs,
    invalid: 1,
  });
  at.bid("a", 40_000);
  at.accept("a", 40_000);
  unserved(41_000);
  expect(at.now().known.get("a")?.suspendedUntil).toBe(Number.POSITIVE_INFINITY);
});

test("the available workers say which of them are newcomers", () => {
  const at = hired(["a", "b"]);
  const found = Crew.available(at.now(), LIVE, ({ worker }) => worker === "a");
  expect(found.map(({ worker, newcomer }) => `${worker} ${newcomer}`).sort()).toEqual([
    "a true",
    "b false",
  ]);
});

describe("the end of a stream", () => {
  test("closes its offer and lets its workers go", () => {
    const at = hired(["a", "b"]);
    const effects = at.play({ type: "ended", now: 9_000 });
    expect(effects.filter((effect) => effect.do === "drop")).toHaveLength(2);
    expect(effects.at(-1)).toMatchObject({ do: "closed" });
    expect(Crew.wakeAt(at.now(), LIVE)).toBeUndefined();
    expect(at.play({ type: "tick", now: 99_000 })).toEqual([]);
  });
});

describe(`any order of events (SEED=${replay.seed})`, () => {
  const names = Array.from({ length: 12 }, (_, i) => `w${i}`);
  const worker = fc.constantFrom(...names);
  const action = fc.record({
    type: fc.constantFrom("tick", "bid", "accepted", "refused", "lost", "draining", "delivered"),
    worker,
    wait: fc.oneof(fc.nat(200), fc.nat(8_000), fc.constant(31_000)),
    fault: fc.constantFrom("failed", "busy", "invalid", "late", "dead", "left"),
    price: fc.bigInt(0n, 1_100n),
    speed: fc.integer({ min: 1_000_000, max: 1_000_000_000 }),
  });
  const run = fc.record({
    seed: fc.nat(),
    wanted: fc.integer({ min: 1, max: 8 }),
    actions: fc.array(action, { maxLength: 60 }),
  });

  test("hires no more than wanted and one backup, never above the price; epochs never fall", () => {
    const property = fc.property(run, ({ seed, wanted, actions }) => {
      const random = seededRandom(seed, "crew");
      let crew = Crew.open({ ...need, wanted });
      const awards = new Set<string>();
      let now = 0;
      for (const { type, worker: who, wait, fault, price, speed } of actions) {
        now += wait;
        const epoch = crew.members.get(who)?.epoch ?? 1;
        const offer = (crew.offer?.id ?? new Uint8Array(16)) as Uint8Array<ArrayBuffer>;
        const bid: Bid = {
          offer,
          worker: who,
          payee: new Uint8Array(20),
          lane: 0,
          price,
          pixelsPerS: speed,
          slots: 1,
          queueMs: 0,
          ageMs: 0,
          tags: [],
          addrs: [],
          proof: new Uint8Array(0),
          payeeProof: new Uint8Array(0),
          award: random.bytes(16) as Uint8Array<ArrayBuffer>,
        };
        const sample = { pixels: 1e7, upload: { bytes: 1e5, ms: 9 }, encodeMs: wait, pullMs: 9 };
        const event = { type, worker: who, now, epoch, fault, bid, sample } as Crew.Event;
        const before = crew;
        const [next, effects] = Crew.step(crew, event, LIVE, random);
        crew = next;

        const members = [...crew.members.values()];
        const active = members.filter(({ state }) => state !== "draining");
        const crewSize = active.filter(({ role }) => role === "crew").length;
        expect(crewSize).toBeLessThanOrEqual(wanted);
        expect(active.length - crewSize).toBeLessThanOrEqual(1);
        expect(crew.bids.size).toBeLessThanOrEqual(LIVE.mostBids);
        for (const [name, old] of before.epochs)
          expect(crew.epochs.get(name) ?? 0).toBeGreaterThanOrEqual(old);
        expect(effects.filter((effect) => effect.do === "answer")).toHaveLength(
          type === "bid" ? 1 : 0,
        );
        for (const effect of effects) {
          if (effect.do !== "award") continue;
          expect(effect.member.price <= need.maxPrice).toBe(true);
          expect(awards.has(toHex(effect.member.award))).toBe(false);
          awards.add(toHex(effect.member.award));
          const known = crew.known.get(effect.member.worker);
          expect(known?.suspendedUntil ?? 0).toBeLessThanOrEqual(now);
        }
        const wake = Crew.wakeAt(crew, LIVE);
        if (wake !== undefined) expect(wake).toBeGreaterThan(now);
      }
    });
    fc.assert(property, replay);
  });

  test("remembers a bounded number of workers, and a crowd of others clears no dropped worker's name", () => {
    const at = hired(["a", "b"]);
    at.play({ type: "lost", worker: "a", fault: "invalid", now: 2_000 });
    at.bid("a", 40_000);
    at.accept("a", 40_000);
    at.play({ type: "lost", worker: "a", fault: "invalid", now: 41_000 });
    for (let i = 0; i < 2 * Crew.MOST_KNOWN; i++) at.bid(`crowd${i}`, 41_000 + 31_000 * i);
    expect(at.now().known.size).toBeLessThanOrEqual(Crew.MOST_KNOWN);
    expect(at.now().known.get("a")?.suspendedUntil).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("a worker that is late where nobody else bids", () => {
  const late = (at: ReturnType<typeof hiring>, now: number) =>
    at
      .play({ type: "lost", worker: "a", fault: "late", now })
      .filter((effect) => effect.do === "drop");

  test("is dropped for four seconds after the second late segment, and told so", () => {
    const at = hired(["a"]);
    expect(late(at, 10_000)).toEqual([]);
    expect(late(at, 12_000)).toMatchObject([{ do: "drop", why: "late" }]);
    const [answer] = at.bid("a", 13_000);
    expect(answer).toMatchObject({ ok: false, why: "wait", retryMs: 3_000 });
  });

  test("comes back for fewer rungs, and is asked for all of them once it has made those in time", () => {
    const at = hired(["a"]);
    late(at, 10_000);
    late(at, 12_000);
    const [answer] = at.bid("a", 16_000);
    expect(answer).toMatchObject({ ok: false, why: "too slow" });
    expect(at.now().slow).toBeCloseTo(need.pixels / 2, 0);
    const effects = at.play({ type: "asked", pixels: need.pixels / 2 - 1, now: 16_100 });
    expect(at.awards(effects)).toMatchObject([{ worker: "a" }]);
    at.accept("a", 16_200);
    expect(Crew.doubtful(at.now(), "a")).toBe(true);
    const upload = { bytes: need.bytes, ms: 100 };
    const sample = { pixels: need.pixels / 2, upload, encodeMs: 200, pullMs: 50 };
    at.play({ type: "delivered", worker: "a", sample, now: 18_000 });
    expect(Crew.doubtful(at.now(), "a")).toBe(false);
    expect(Crew.reach(at.now(), LIVE)).toBeGreaterThan(need.pixels);
  });

  test("stays out for twice as long each time, until it has made a segment in time", () => {
    const at = hired(["a"]);
    const away = (now: number) => {
      late(at, now);
      late(at, now + 1);
      return (at.now().known.get("a")?.suspendedUntil ?? 0) - now - 1;
    };
    const again = (now: number) => {
      at.bid("a", now);
      at.play({ type: "asked", pixels: at.now().need.pixels / 4, now });
      at.accept("a", now + 1);
      expect(at.now().members.get("a")).toMatchObject({ state: "hired" });
    };
    expect(away(10_000)).toBe(4_000);
    again(20_000);
    expect(away(21_000)).toBe(8_000);
    again(40_000);
    const sample = { pixels: 1e6, upload: undefined, encodeMs: 10, pullMs: 10 };
    at.play({ type: "delivered", worker: "a", sample, now: 41_000 });
    expect(away(42_000)).toBe(4_000);
  });

  test("is dropped for as long as usual where somebody else is hired", () => {
    const at = hired(["a", "b"]);
    late(at, 10_000);
    expect(late(at, 10_001)).toEqual([]);
    late(at, 10_002);
    const [answer] = at.bid("a", 11_000);
    expect(answer).toMatchObject({ why: "wait", retryMs: LIVE.returnMs - 998 });
    expect(Crew.doubtful(at.now(), "b")).toBe(false);
  });
});
