import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FAST, LIVE } from "./config.ts";
import * as Job from "./job.ts";

const { SEED, FC_PATH = "", RUNS = "500" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };

const limits = { localAt: 5_000, deadline: 8_000 };

/** Plays events one after the other, and gives the job with all that was to be done. */
function play(events: readonly Job.Event[], config = LIVE, start = Job.open({ seq: 7, limits })) {
  let [job, effects] = start;
  for (const event of events) {
    const [next, more] = Job.step(job, event, config);
    job = next;
    effects = [...effects, ...more];
  }
  return { job, effects };
}

const assigned = (worker: string, now = 0): Job.Event => ({
  type: "assigned",
  worker,
  epoch: 1,
  now,
});
const progress = (worker: string, now: number): Job.Event => ({ type: "progress", worker, now });
const receipt = (worker: string, epoch = 1): Job.Event => ({ type: "receipt", worker, epoch });
const pulling = (worker: string, now: number): Job.Event => ({ type: "pulling", worker, now });
const pulled = (worker: string): Job.Event => ({ type: "pulled", worker });
const passed = (worker: string): Job.Event => ({ type: "passed", worker });
const failed = (worker: string, fault: Job.Fault = "failed"): Job.Event => ({
  type: "failed",
  worker,
  fault,
});
const late = (now: number, hedge = true): Job.Event => ({ type: "late", now, hedge });

type Column =
  | Exclude<Job.Event["type"], "late">
  | "late: suspect"
  | "late: dead"
  | "late: local"
  | "late: deadline";

const events: Record<Column, Job.Event> = {
  assigned: assigned("b", 100),
  noWorker: { type: "noWorker" },
  closed: { type: "closed", limits },
  progress: progress("a", 100),
  receipt: receipt("a"),
  pulling: pulling("a", 100),
  pulled: pulled("a"),
  passed: passed("a"),
  failed: failed("a"),
  "late: suspect": late(1_200),
  "late: dead": late(3_000),
  "late: local": late(5_000),
  "late: deadline": late(8_000),
  localDone: { type: "localDone" },
  localFailed: { type: "localFailed" },
  cancelled: { type: "cancelled" },
  tail: { type: "tail", now: 100, hedge: true },
};

const sent = [assigned("a"), progress("a", 0)];
const states: Record<Job.State, Job.Job> = {
  open: play([]).job,
  sent: play(sent).job,
  verifying: play([...sent, receipt("a")]).job,
  local: play([...sent, progress("a", 4_900), late(5_000)]).job,
  done: play([...sent, receipt("a"), passed("a")]).job,
  missed: play([...sent, { type: "cancelled" }]).job,
};

const same = <State extends Job.State>(state: State): Record<Column, State> =>
  Object.fromEntries(Object.keys(events).map((column) => [column, state])) as Record<Column, State>;

/** Every state with every event; it does not compile with a cell missing. `local` still has a worker running. */
const table = {
  open: {
    assigned: "sent",
    noWorker: "local",
    closed: "open",
    progress: "open",
    receipt: "open",
    pulling: "open",
    pulled: "open",
    passed: "open",
    failed: "open",
    "late: suspect": "open",
    "late: dead": "open",
    "late: local": "local",
    "late: deadline": "missed",
    localDone: "open",
    localFailed: "open",
    tail: "open",
    cancelled: "missed",
  },
  sent: {
    assigned: "sent",
    noWorker: "sent",
    closed: "sent",
    progress: "sent",
    receipt: "verifying",
    pulling: "sent",
    pulled: "sent",
    passed: "sent",
    failed: "open",
    "late: suspect": "sent",
    "late: dead": "open",
    "late: local": "local",
    "late: deadline": "missed",
    localDone: "sent",
    localFailed: "sent",
    tail: "sent",
    cancelled: "missed",
  },
  verifying: {
    assigned: "verifying",
    noWorker: "verifying",
    closed: "verifying",
    progress: "verifying",
    receipt: "verifying",
    pulling: "verifying",
    pulled: "verifying",
    passed: "done",
    failed: "open",
    "late: suspect": "verifying",
    "late: dead": "verifying",
    "late: local": "local",
    "late: deadline": "missed",
    localDone: "verifying",
    localFailed: "verifying",
    tail: "verifying",
    cancelled: "missed",
  },
  local: {
    assigned: "local",
    noWorker: "local",
    closed: "local",
    progress: "local",
    receipt: "local",
    pulling: "local",
    pulled: "local",
    passed: "local",
    failed: "local",
    "late: suspect": "local",
    "late: dead": "local",
    "late: local": "local",
    "late: deadline": "missed",
    localDone: "local",
    localFailed: "sent",
    tail: "local",
    cancelled: "missed",
  },
  done: same("done"),
  missed: same("missed"),
} satisfies Record<Job.State, Record<Column, Job.State>>;

describe("the table of states", () => {
  const cells = Object.entries(table).flatMap(([state, row]) =>
    Object.entries(row).map(([column, next]) => [state, column, next] as const),
  );
  test.each(cells)("takes a job that is %s, at the event %s, to %s", (state, column, next) => {
    const before = states[state as Job.State];
    expect(before.state).toBe(state);
    const [after, effects] = Job.step(before, events[column as Column], LIVE);
    expect(after.state).toBe(next);
    if (state === "done" || state === "missed") expect(effects).toEqual([]);
  });
});

describe("one segment", () => {
  test("goes to one worker, is verified, published and paid", () => {
    const { job, effects } = play([...sent, receipt("a"), passed("a")]);
    expect(job.hedged).toBe(false);
    expect(effects).toEqual([
      { do: "pick", why: "first", without: [] },
      { do: "send", worker: "a", epoch: 1, attempt: 1 },
      { do: "verify", worker: "a", epoch: 1 },
      { do: "publish", by: "a" },
      { do: "pay", worker: "a", epoch: 1 },
    ]);
  });

  test("that is still being made is not late before it is closed, but its worker may fall silent", () => {
    const begun = Job.open({ seq: 7 });
    const { job, effects } = play(
      [assigned("a"), progress("a", 60_000), late(61_000)],
      LIVE,
      begun,
    );
    expect(effects).toHaveLength(2);
    expect(Job.wakeAt(job, LIVE)).toBe(61_200);
    const lost = play([late(63_000)], LIVE, [job, []]);
    expect(lost.effects.map((effect) => effect.do)).toEqual(["cancel", "blame", "pick"]);
    const from = { localAt: 70_000, deadline: 72_000 };
    const [closed] = Job.step(job, { type: "closed", limits: from }, LIVE);
    expect(Job.step(closed, late(72_000), LIVE)[0].state).toBe("missed");
  });

  test("goes to another worker at once when the first one fails", () => {
    const { effects } = play([...sent, failed("a", "left"), assigned("b", 300)]);
    expect(effects.slice(2)).toEqual([
      { do: "blame", worker: "a", fault: "left" },
      { do: "pick", why: "again", without: ["a"] },
      { do: "send", worker: "b", epoch: 1, attempt: 2 },
    ]);
  });

  test("is encoded here after three workers have failed, and is a gap if that fails too", () => {
    const three = ["a", "b", "c"].flatMap((worker) => [assigned(worker), failed(worker)]);
    const { job, effects } = play(three);
    expect(job.state).toBe("local");
    expect(effects.at(-1)).toEqual({ do: "encode" });
    const [missed, gap] = Job.step(job, { type: "localFailed" }, LIVE);
    expect(missed.state).toBe("missed");
    expect(gap).toEqual([{ do: "gap" }]);
  });

  test("of a file goes to another worker, and then here, while workers say all the time that they work", () => {
    let [job, effects] = Job.open({ seq: 7 });
    const tell = (event: Job.Event) => {
      const [next, more] = Job.step(job, event, FAST);
      job = next;
      effects = [...effects, ...more];
    };
    tell({ ...assigned("a"), giveUpAt: 60_000 } as Job.Event);
    for (let now = 1_000; now < 60_000; now += 1_000) {
      tell(progress("a", now));
      tell(late(now, false));
    }
    expect(effects.map((effect) => effect.do)).toEqual(["pick", "send"]);
    expect(Job.wakeAt(job, FAST)).toBeLessThanOrEqual(60_000);
    tell(late(60_000, false));
    expect(effects.slice(2)).toEqual([
      { do: "cancel", worker: "a", epoch: 1, why: "late" },
      { do: "blame", worker: "a", fault: "late" },
      { do: "pick", why: "again", without: ["a"] },
    ]);
    tell({ ...assigned("b", 60_000), giveUpAt: 120_000 } as Job.Event);
    tell(progress("b", 119_000));
    expect(Job.wakeAt(job, FAST)).toBe(120_000);
    tell(late(120_000, false));
    expect(effects.at(-1)).toEqual({ do: "pick", why: "again", without: ["a", "b"] });
    tell({ type: "noWorker" });
    expect(effects.at(-1)).toEqual({ do: "encode" });
    tell(receipt("b")); // too late
    tell({ type: "localDone" });
    expect(effects.at(-1)).toEqual({ do: "publish", by: "local" });
  });

  test("whose receipt has come is not given up for its time", () => {
    const slow = { ...assigned("a"), giveUpAt: 60_000 } as Job.Event;
    const answered = [slow, progress("a", 59_000), receipt("a"), late(60_000)];
    const { job, effects } = play(answered, FAST, Job.open({ seq: 7 }));
    expect(job.state).toBe("verifying");
    expect(effects).not.toContainEqual(expect.objectContaining({ do: "blame" }));
  });

  test("that is silent for 1.2 s starts a backup, and the first valid answer wins", () => {
    const { job, effects } = play([
      ...sent,
      late(1_200),
      assigned("b", 1_200),
      progress("b", 1_300),
      receipt("a"),
      passed("a"),
    ]);
    expect(job.hedged).toBe(true);
    expect(effects).toContainEqual({ do: "pick", why: "hedge", without: ["a"] });
    expect(effects.slice(-3)).toEqual([
      { do: "publish", by: "a" },
      { do: "pay", worker: "a", epoch: 1 },
      { do: "cancel", worker: "b", epoch: 1, why: "won" },
    ]);
    const [after, nothing] = Job.step(job, receipt("b"), LIVE);
    expect([after, nothing]).toEqual([job, []]);
  });

  test("starts no backup when the hedge budget is spent, but replaces a dead worker all the same", () => {
    const quiet = play([...sent, late(1_200, false)]);
    expect(quiet.effects.filter((effect) => effect.do === "pick")).toHaveLength(1);
    const dead = play([late(3_000, false)], LIVE, [quiet.job, []]);
    expect(dead.effects).toEqual([
      { do: "cancel", worker: "a", epoch: 1, why: "dead" },
      { do: "blame", worker: "a", fault: "dead" },
      { do: "pick", why: "again", without: ["a"] },
    ]);
  });

  test("asks for one backup only, however often time is said to have passed", () => {
    const { effects } = play([...sent, late(1_200), late(1_300), late(2_900)]);
    expect(effects.filter((effect) => effect.do === "pick")).toHaveLength(2);
  });

  test("ends the suspicion of a worker that gives a sign of life", () => {
    const { job, effects } = play([...sent, progress("a", 1_100), late(1_200), late(2_200)]);
    expect(job.state).toBe("sent");
    expect(effects.filter((effect) => effect.do === "pick")).toHaveLength(1);
  });

  test("counts silence from the predicted end of an upload, which has its own limit", () => {
    const complete: Job.Event = {
      type: "assigned",
      worker: "a",
      epoch: 1,
      now: 0,
      uploadedAt: 2_500,
    };
    const slow = play([complete, late(3_600)], LIVE, Job.open({ seq: 0 }));
    expect(Job.suspects(slow.job)).toEqual([]);
    const doubted = play([late(3_700), late(20_000)], LIVE, [slow.job, []]);
    expect(Job.suspects(doubted.job)).toEqual(["a"]);
    expect(doubted.job.state).toBe("sent");
    const stuck = play([late(22_500)], LIVE, [slow.job, []]);
    expect(stuck.job.state).toBe("open");
    // One that goes as it is made has nothing to wait for.
    const open = play([assigned("a"), late(1_200)], LIVE, Job.open({ seq: 0 }));
    expect(Job.suspects(open.job)).toEqual(["a"]);
  });

  test("suspects a worker by its own heartbeats, once these are known, from its first sign of life on", () => {
    const heard: Job.Event = { type: "progress", worker: "a", now: 1_700, quietMs: 400 };
    const known = play([assigned("a"), heard]);
    expect(Job.wakeAt(known.job, LIVE)).toBe(2_100);
    expect(Job.suspects(play([late(2_099)], LIVE, [known.job, []]).job)).toEqual([]);
    expect(Job.suspects(play([late(2_100)], LIVE, [known.job, []]).job)).toEqual(["a"]);
    const unknown = play([assigned("a")]);
    expect(Job.suspects(play([late(1_199)], LIVE, [unknown.job, []]).job)).toEqual([]);
    expect(Job.suspects(play([late(1_200)], LIVE, [unknown.job, []]).job)).toEqual(["a"]);
    // Uploads come in gusts: only the heartbeats of work count.
    const pulled = play([receipt("a"), pulling("a", 1_800)], LIVE, [known.job, []]);
    expect(Job.wakeAt(pulled.job, LIVE)).toBe(3_000);
  });

  describe("whose renditions are being pulled", () => {
    const started = [...sent, receipt("a"), pulling("a", 1_000)];

    test("from a worker that falls silent gets a copy, whose receipt does not wait for it", () => {
      const quiet = play([...started, progress("a", 1_500), late(2_699)]);
      expect(Job.suspects(quiet.job)).toEqual([]);
      const { job, effects } = play([late(2_700)], LIVE, [quiet.job, []]);
      expect(Job.suspects(job)).toEqual(["a"]);
      expect(effects).toEqual([{ do: "pick", why: "hedge", without: ["a"] }]);
      const copied = play([assigned("b", 2_700), receipt("b")], LIVE, [job, []]);
      expect(copied.effects).toEqual([
        { do: "send", worker: "b", epoch: 1, attempt: 2 },
        { do: "verify", worker: "b", epoch: 1 },
      ]);
      const won = play([passed("b")], LIVE, [copied.job, []]);
      expect(won.job.state).toBe("done");
      expect(won.effects).toContainEqual({ do: "blame", worker: "a", fault: "late" });
    });

    test("is given up after 3 s of silence, and is nobody's fault once it is here", () => {
      const { job, effects } = play([...started, late(4_000, false)]);
      expect(job.state).toBe("open");
      expect(effects.at(-1)).toEqual({ do: "pick", why: "again", without: ["a"] });
      const here = play([...started, pulled("a")]);
      expect(Job.wakeAt(here.job, LIVE)).toBe(limits.localAt);
      expect(play([late(4_000)], LIVE, [here.job, []]).effects).toEqual([]);
    });
  });

  test("ignores a receipt of an old epoch", () => {
    const { job, effects } = play([...sent, receipt("a", 2)]);
    expect(job.state).toBe("sent");
    expect(effects).not.toContainEqual(expect.objectContaining({ do: "verify" }));
  });

  test("keeps a second receipt and verifies it when the first is invalid", () => {
    const { job, effects } = play([
      ...sent,
      late(1_200),
      assigned("b", 1_200),
      receipt("a"),
      receipt("b"),
      failed("a", "invalid"),
      passed("b"),
    ]);
    expect(job.state).toBe("done");
    expect(effects.filter(({ do: what }) => what === "pay")).toEqual([
      { do: "pay", worker: "b", epoch: 1 },
    ]);
    expect(effects).toContainEqual({ do: "blame", worker: "a", fault: "invalid" });
  });

  test("stops this tab's encoder when a worker's copy passes, and pays for that", () => {
    const { job, effects } = play([receipt("a"), passed("a")], LIVE, [states.local, []]);
    expect(job.state).toBe("done");
    expect(effects).toContainEqual({ do: "stopLocal" });
    expect(effects).toContainEqual({ do: "pay", worker: "a", epoch: 1 });
  });

  const made = (more: Job.Event[]) =>
    play([{ type: "localDone" }, ...more], LIVE, [states.local, []]);

  test("keeps what this tab encoded until the deadline while a worker is at it; then publishes it and pays nobody", () => {
    expect(made([late(7_999)]).effects).toEqual([
      { do: "cancel", worker: "a", epoch: 1, why: "dead" },
      { do: "blame", worker: "a", fault: "dead" },
      { do: "publish", by: "local" },
    ]);
    const { job, effects } = made([progress("a", 7_900), late(7_999), late(8_000)]);
    expect(job.state).toBe("done");
    expect(effects).toEqual([
      { do: "publish", by: "local" },
      { do: "cancel", worker: "a", epoch: 1, why: "late" },
      { do: "blame", worker: "a", fault: "late" },
    ]);
  });

  test("publishes a worker's copy that passes before the deadline instead of what this tab encoded", () => {
    const { job, effects } = made([receipt("a"), passed("a")]);
    expect(job.state).toBe("done");
    expect(effects).toEqual([
      { do: "verify", worker: "a", epoch: 1 },
      { do: "publish", by: "a" },
      { do: "pay", worker: "a", epoch: 1 },
    ]);
  });

  test("publishes what this tab encoded at once when no worker is at it any more", () => {
    expect(made([failed("a")]).effects.at(-1)).toEqual({ do: "publish", by: "local" });
    const alone = play([{ type: "noWorker" }, { type: "localDone" }]);
    expect(alone.effects.at(-1)).toEqual({ do: "publish", by: "local" });
  });

  test("tells the crew who was superseded, or it would go on giving work to who is gone", () => {
    const race = [...sent, late(1_200), assigned("b", 1_200), receipt("b"), passed("b")];
    expect(play(race).effects.at(-1)).toEqual({ do: "blame", worker: "a", fault: "late" });
    const heard = [...race.slice(0, 4), progress("a", 1_500), ...race.slice(4)];
    expect(play(heard).effects).not.toContainEqual(expect.objectContaining({ do: "blame" }));
    const missed = play([...sent, progress("a", 7_900), late(8_000)]);
    expect(missed.effects).toContainEqual({ do: "blame", worker: "a", fault: "late" });
  });

  test("names a silent worker until it is heard of again", () => {
    expect(Job.suspects(states.sent)).toEqual([]);
    const silent = play([...sent, late(1_200)]);
    expect(Job.suspects(silent.job)).toEqual(["a"]);
    const [heard] = Job.step(silent.job, progress("a", 1_300), LIVE);
    expect(Job.suspects(heard)).toEqual([]);
  });

  test("lets go of a worker that was found for it too late", () => {
    const found = play([{ type: "noWorker" }, assigned("b")], LIVE, [states.open, []]);
    expect(found.effects.slice(1)).toEqual([{ do: "cancel", worker: "b", epoch: 1, why: "late" }]);
    expect(Job.wants(states.sent, LIVE)).toBe(true);
    expect(Job.wants(states.verifying, LIVE)).toBe(false);
  });

  test("gets a copy also while this tab makes its lowest rung beside a worker that does not come to an end", () => {
    const begun: Job.Event = { ...assigned("a"), hedgeAt: limits.localAt + 500 } as Job.Event;
    const beside = play([begun, progress("a", limits.localAt), late(limits.localAt)]);
    expect(beside.effects.at(-1)).toEqual({ do: "encode" });
    const heard = [progress("a", limits.localAt + 400), late(limits.localAt + 500)];
    const slow = play(heard, LIVE, [beside.job, []]);
    expect(slow.effects).toEqual([{ do: "pick", why: "hedge", without: ["a"] }]);
    const copied = play([{ type: "localDone" }, assigned("b")], LIVE, [slow.job, []]);
    expect(copied.job).toMatchObject({ state: "local", local: "ready" });
    const won = play([receipt("b"), passed("b")], LIVE, [copied.job, []]);
    expect(won.effects).toContainEqual({ do: "publish", by: "b" });
    expect(won.effects).toContainEqual({ do: "blame", worker: "a", fault: "late" });
  });

  test("gets a third copy only where the first two are silent", () => {
    const two = play([assigned("a"), late(1_200), assigned("b", 1_200)]);
    const silent = play([late(2_400)], LIVE, [two.job, []]);
    expect(silent.effects).toEqual([{ do: "pick", why: "hedge", without: ["a", "b"] }]);
    const back = play([progress("a", 1_500), late(2_400)], LIVE, [two.job, []]);
    expect(back.effects).toEqual([]);
  });

  test("of a file is taken from a worker for nothing but silence", () => {
    const start = Job.open({ seq: 0 });
    const far = play([...sent, progress("a", 3_600_000), late(3_600_100)], FAST, start);
    expect(far.job.state).toBe("sent");
    const dead = play([late(3_620_000)], FAST, [far.job, []]);
    expect(dead.job.state).toBe("open");
  });
});

describe("waking", () => {
  test("names the moment of suspicion, death, local encoding and the deadline in turn", () => {
    expect(Job.wakeAt(states.open, LIVE)).toBe(limits.localAt);
    expect(Job.wakeAt(states.sent, LIVE)).toBe(1_200);
    const [suspected] = Job.step(states.sent, late(1_200), LIVE);
    expect(Job.wakeAt(suspected, LIVE)).toBe(3_000);
    expect(Job.wakeAt(states.done, LIVE)).toBeUndefined();
    expect(Job.wakeAt(play([], FAST, Job.open({ seq: 0 })).job, FAST)).toBeUndefined();
  });
});

describe("the budget of second copies", () => {
  test("lets one segment in ten be hedged in the long run, and ten in a row at most", () => {
    let budget = Job.newBudget;
    let spent = 0;
    for (let segment = 0; segment < 1_000; segment++) {
      budget = Job.earn(budget, LIVE);
      if (Job.mayHedge(budget)) {
        budget = Job.spend(budget);
        spent++;
      }
    }
    expect(spent).toBeGreaterThanOrEqual(101);
    expect(spent).toBeLessThanOrEqual(102);
    for (let segment = 0; segment < 1_000; segment++) budget = Job.earn(budget, LIVE);
    expect(budget.tokens).toBe(10);
    expect(() => Job.spend({ tokens: 0.9 })).toThrow(RangeError);
  });

  test("gets a copy back whose first worker was not heard of again", () => {
    expect(Job.refund({ tokens: 0.3 }, LIVE)).toEqual({ tokens: 1.3 });
    expect(Job.refund({ tokens: LIVE.hedge.most }, LIVE)).toEqual({ tokens: LIVE.hedge.most });
    const silent = play([assigned("a"), late(1_200), assigned("b", 1_200)]).job;
    expect(Job.vanished(silent, "a")).toBe(true);
    expect(Job.vanished(silent, "b")).toBe(false);
    const won = play([receipt("b"), passed("b")], LIVE, [silent, []]).job;
    expect(Job.vanished(won, "a")).toBe(true);
    const back = play([progress("a", 1_500)], LIVE, [silent, []]).job;
    expect(Job.vanished(back, "a")).toBe(false);
  });
});

describe(`any order of events (SEED=${replay.seed})`, () => {
  const worker = fc.constantFrom("a", "b", "c", "d");
  const epoch = fc.constantFrom(1, 1, 1, 2);
  const now = fc.nat(9_000);
  const event: fc.Arbitrary<Job.Event> = fc.oneof(
    fc.record({ type: fc.constant("assigned" as const), worker, epoch: fc.constant(1), now }),
    fc.constantFrom<Job.Event>(
      { type: "noWorker" },
      { type: "localDone" },
      { type: "localFailed" },
      { type: "cancelled" },
    ),
    fc.record({ type: fc.constant("progress" as const), worker, now }),
    fc.record({ type: fc.constant("receipt" as const), worker, epoch }),
    fc.record({ type: fc.constant("passed" as const), worker }),
    fc.record({
      type: fc.constant("failed" as const),
      worker,
      fault: fc.constantFrom<Job.Fault>("failed", "busy", "invalid", "late", "dead", "left"),
    }),
    fc.record({ type: fc.constant("late" as const), now: fc.nat(7_999), hedge: fc.boolean() }),
  );
  const many = fc.array(event, { maxLength: 40 });

  test("publishes or marks a gap at most once, and pays only for what was verified and published", () => {
    const property = fc.property(many, fc.boolean(), (list, isLive) => {
      const { job, effects } = play(list, LIVE, Job.open({ seq: 1, ...(isLive && { limits }) }));
      const of = (what: Job.Effect["do"]) => effects.filter((effect) => effect.do === what);
      expect(of("publish").length + of("gap").length).toBeLessThanOrEqual(1);
      expect(of("pay").length).toBeLessThanOrEqual(1);
      for (const effect of effects)
        if (effect.do === "pay") {
          const { worker: paid, epoch: paidEpoch } = effect;
          expect(effects).toContainEqual({ do: "publish", by: paid });
          expect(effects).toContainEqual({ do: "verify", worker: paid, epoch: paidEpoch });
        }
      expect(of("send").length).toBe(job.attempts.length);
      expect(job.attempts.length).toBeLessThanOrEqual(LIVE.mostAttempts);
      expect(new Set(job.attempts.map((attempt) => attempt.worker)).size).toBe(job.attempts.length);
      expect(of("encode").length).toBeLessThanOrEqual(1);
    });
    fc.assert(property, replay);
  });

  test("tells every worker that was sent a copy how it ended: paid, cancelled or blamed", () => {
    const property = fc.property(many, (list) => {
      const { effects } = play([...list, { type: "cancelled" }]);
      for (const effect of effects) {
        if (effect.do !== "send") continue;
        const ends = effects.filter(
          (other) =>
            (other.do === "pay" || other.do === "cancel" || other.do === "blame") &&
            other.worker === effect.worker,
        );
        expect(ends.length).toBeGreaterThanOrEqual(1);
      }
    });
    fc.assert(property, replay);
  });

  test("ends a live segment by its deadline, with something published or a gap", () => {
    const property = fc.property(many, (list) => {
      const kept = list.filter(({ type }) => type !== "cancelled");
      const { job, effects } = play([...kept, late(limits.deadline)]);
      expect(["done", "missed"]).toContain(job.state);
      const ends = effects.filter((effect) => effect.do === "publish" || effect.do === "gap");
      expect(ends).toHaveLength(1);
      expect(job.attempts.every(({ stage }) => stage === "over")).toBe(true);
      expect(Job.wakeAt(job, LIVE)).toBeUndefined();
    });
    fc.assert(property, replay);
  });

  test("wakes a segment at a later moment each time", () => {
    const property = fc.property(many, (list) => {
      let { job } = play(list.filter(({ type }) => type !== "cancelled"));
      let before = Number.NEGATIVE_INFINITY;
      for (;;) {
        const at = Job.wakeAt(job, LIVE);
        if (at === undefined) break;
        expect(at).toBeGreaterThan(before);
        [job] = Job.step(job, late(at, false), LIVE);
        before = at;
      }
      expect(["done", "missed"]).toContain(job.state);
    });
    fc.assert(property, replay);
  });

  test("acts once on a message that is delivered twice", () => {
    const property = fc.property(many, event, (list, twice) => {
      const { job } = play(list);
      const [once] = Job.step(job, twice, LIVE);
      const [again, effects] = Job.step(once, twice, LIVE);
      // A worker that failed may be followed by the next receipt in hand, never by a second payment.
      // One that is assigned in vain may be let go twice.
      if (twice.type !== "late" && twice.type !== "assigned") expect(effects).toEqual([]);
      expect(again.state).toBe(once.state);
    });
    fc.assert(property, replay);
  });
});

describe("a copy that starts before its worker is silent", () => {
  const hedged = (now: number, token = true) =>
    play([
      { ...assigned("a"), hedgeAt: 2_000 } as Job.Event,
      progress("a", now - 1),
      late(now, token),
    ]);

  test("starts at its time, once, from the same budget, and the first answer wins", () => {
    expect(hedged(1_999).effects.filter((effect) => effect.do === "pick")).toHaveLength(1);
    const { job, effects } = hedged(2_000);
    expect(effects.at(-1)).toEqual({ do: "pick", why: "hedge", without: ["a"] });
    expect(hedged(2_000, false).effects.filter((effect) => effect.do === "pick")).toHaveLength(1);
    expect(Job.step(job, late(2_100), LIVE)[1]).toEqual([]);
    const done = play([assigned("b", 2_050), receipt("b"), passed("b")], LIVE, [job, []]);
    expect(done.effects).toContainEqual({ do: "cancel", worker: "a", epoch: 1, why: "won" });
  });

  test("wakes the job at its time", () => {
    const { job } = play([{ ...assigned("a"), hedgeAt: 900 } as Job.Event, progress("a", 10)]);
    expect(Job.wakeAt(job, LIVE)).toBe(900);
  });

  test("at a file's end is given to who is idle, but never twice", () => {
    const start = Job.open({ seq: 7 });
    const tail: Job.Event = { type: "tail", now: 100, hedge: true };
    const { job, effects } = play([...sent, tail], FAST, start);
    expect(effects.at(-1)).toEqual({ do: "pick", why: "hedge", without: ["a"] });
    const two = play([assigned("b", 200), tail], FAST, [job, []]);
    expect(two.effects.filter((effect) => effect.do === "pick")).toEqual([]);
    expect(play([...sent, { ...tail, hedge: false }], FAST, start).effects.at(-1)?.do).toBe("send");
  });
});
