import { describe, expect, test } from "vitest";
import * as Assign from "./assign.ts";
import { LIVE } from "./config.ts";

const workerOf = (
  worker: string,
  values: Partial<Assign.AvailableWorker> = {},
): Assign.AvailableWorker => ({
  worker,
  epoch: 1,
  role: "crew",
  newcomer: false,
  pixelsPerS: 100_000_000,
  uplink: 10_000_000,
  pullMs: 0,
  ...values,
});
/** A second of transcoding, and 0.6 s of uplink. */
const task: Assign.Task = {
  seq: 0,
  pixels: 100_000_000,
  bytes: 750_000,
  without: [],
  why: "first",
};
const at = { now: 0, uplinkFreeAt: 0 };
const none = new Map<string, Assign.Load[]>();

describe("the next segment", () => {
  test("goes to the worker that is predicted to finish first", () => {
    const workers = [workerOf("a"), workerOf("quick", { pixelsPerS: 200_000_000 })];
    expect(Assign.choose(workers, none, task, at, LIVE)).toEqual({
      worker: "quick",
      epoch: 1,
      uploadedAt: 600,
      readyAt: 1_100,
      doneAt: 1_100,
    });
    const loads = new Map([["quick", [{ seq: 0, readyAt: 2_000 }]]]);
    expect(Assign.choose(workers, loads, task, at, LIVE)?.worker).toBe("a");
  });

  test("takes turns among workers that are about as quick, but a second try goes to the quickest", () => {
    const workers = [
      workerOf("a"),
      workerOf("b", { pixelsPerS: 110_000_000 }),
      workerOf("slow", { pixelsPerS: 1e7 }),
    ];
    const turns = [0, 1, 2, 3].map(
      (seq) => Assign.choose(workers, none, { ...task, seq }, at, LIVE)?.worker,
    );
    expect(turns).toEqual(["a", "b", "a", "b"]);
    const again = { ...task, why: "again" } as const;
    expect(Assign.choose(workers, none, again, at, LIVE)?.worker).toBe("b");
  });

  test("leaves after those before it: the uplink sends one at a time", () => {
    const choice = Assign.choose([workerOf("a")], none, task, { now: 0, uplinkFreeAt: 400 }, LIVE);
    expect(choice).toMatchObject({ uploadedAt: 1_000, doneAt: 2_000 });
  });

  test("that is still being made waits for no uplink, and is ready with its last byte where a worker keeps up", () => {
    const open = { ...task, closesAt: 2_000 };
    const busy = { now: 0, uplinkFreeAt: 900 };
    expect(Assign.choose([workerOf("a")], none, open, busy, LIVE)).toMatchObject({
      uploadedAt: 2_000,
      readyAt: 2_000,
    });
    const slow = [workerOf("a", { pixelsPerS: 40_000_000 })];
    expect(Assign.choose(slow, none, open, busy, LIVE)?.readyAt).toBe(2_500);
    const loads = new Map([["a", [{ seq: 0, readyAt: 1_500 }]]]);
    expect(Assign.choose([workerOf("a")], loads, open, busy, LIVE)?.readyAt).toBe(2_500);
  });

  test("goes to a worker that has one job running, and to none that has another fetched ahead", () => {
    const one = new Map([["a", [{ seq: 0, readyAt: 5_000 }]]]);
    expect(Assign.choose([workerOf("a")], one, task, at, LIVE)?.readyAt).toBe(6_000);
    const two = new Map([["a", [...(one.get("a") ?? []), { seq: 1, readyAt: 6_000 }]]]);
    expect(Assign.choose([workerOf("a")], two, task, at, LIVE)).toBeUndefined();
    expect(Assign.anybody([workerOf("a")], task)).toBe(true);
  });

  test("is one at a time for a newcomer, where somebody proven could take it", () => {
    const newcomers = [workerOf("new", { newcomer: true }), workerOf("newer", { newcomer: true })];
    const workers = [...newcomers, workerOf("old", { pixelsPerS: 50_000_000 })];
    const job = (seq: number) => ({ seq, readyAt: 500 });
    const each = new Map([
      ["new", [job(0)]],
      ["newer", [job(1)]],
    ]);
    expect(Assign.choose(workers, each, task, at, LIVE)?.worker).toBe("old");
    // Which waits where nobody has room, but not for what failed or is late.
    const full = new Map<string, Assign.Load[]>([...each, ["old", [job(2), job(3)]]]);
    expect(Assign.choose(workers, full, task, at, LIVE)).toBeUndefined();
    expect(Assign.anybody(workers, task)).toBe(true);
    const again = { ...task, why: "again", without: ["old"] } as const;
    expect(Assign.choose(workers, full, again, at, LIVE)?.worker).toBe("new");
    // Among newcomers alone, or with somebody proven who has had it already, there is no better.
    expect(Assign.choose(newcomers, full, task, at, LIVE)?.worker).toBe("new");
    expect(Assign.choose(workers, full, { ...task, without: ["old"] }, at, LIVE)?.worker).toBe(
      "new",
    );
    // What is only being checked is no work.
    const made = new Map(full).set("newer", [{ ...job(1), made: true }]);
    expect(Assign.choose(workers, made, task, at, LIVE)?.worker).toBe("newer");
  });

  test("does not cut short the spot check of a newcomer that has another job anyway", () => {
    const workers = [workerOf("new", { newcomer: true }), workerOf("old")];
    const loads = new Map<string, Assign.Load[]>([
      [
        "new",
        [
          { seq: 1, readyAt: 0, made: true },
          { seq: 3, readyAt: 900 },
        ],
      ],
      [
        "old",
        [
          { seq: 2, readyAt: 900 },
          { seq: 4, readyAt: 900 },
        ],
      ],
    ]);
    expect(Assign.choose(workers, loads, task, at, LIVE)).toBeUndefined();
    expect(Assign.oldestMade(workers, loads, task, LIVE)).toBeUndefined();
    const again = { ...task, why: "again" } as const;
    expect(Assign.oldestMade(workers, loads, again, LIVE)).toEqual({ worker: "new", seq: 1 });
  });

  test("cuts short the spot check that has waited longest where no worker has room otherwise", () => {
    const made = true as const;
    const loads = new Map([
      ["a", [{ seq: 4, readyAt: 0, made }]],
      [
        "b",
        [
          { seq: 5, readyAt: 0 },
          { seq: 3, readyAt: 0, made },
        ],
      ],
      ["stranger", [{ seq: 1, readyAt: 0, made }]],
    ]);
    const workers = [workerOf("a"), workerOf("b")];
    expect(Assign.oldestMade(workers, loads, task, LIVE)).toEqual({ worker: "b", seq: 3 });
    expect(Assign.oldestMade(workers, loads, { ...task, without: ["b"] }, LIVE)?.seq).toBe(4);
    expect(Assign.oldestMade(workers, none, task, LIVE)).toBeUndefined();
  });

  test("does not go to a worker as if it were free when its job is overdue", () => {
    const [workers, small] = [[workerOf("a"), workerOf("b")], { ...task, bytes: 1_000 }];
    const late = new Map([["a", [{ seq: 0, readyAt: 900 }]]]);
    const choice = Assign.choose(workers, late, small, { now: 1_000, uplinkFreeAt: 0 }, LIVE);
    expect(choice?.worker).toBe("b");
    const only = Assign.choose([workerOf("a")], late, small, { now: 1_000, uplinkFreeAt: 0 }, LIVE);
    expect(only?.readyAt).toBe(2_500);
  });

  test("leaves the backup free for what failed or is late", () => {
    const workers = [workerOf("a"), workerOf("b", { role: "backup", pixelsPerS: 900_000_000 })];
    expect(Assign.choose(workers, none, task, at, LIVE)?.worker).toBe("a");
    const again = { ...task, why: "again", without: ["a"] } as const;
    expect(Assign.choose(workers, none, again, at, LIVE)?.worker).toBe("b");
  });

  test("goes to the backup where there is no crew at all, and to nobody where all have failed", () => {
    const workers = [workerOf("b", { role: "backup" })];
    expect(Assign.choose(workers, none, task, at, LIVE)?.worker).toBe("b");
    const all = { ...task, without: ["b"] };
    expect(Assign.choose(workers, none, all, at, LIVE)).toBeUndefined();
    expect(Assign.anybody(workers, all)).toBe(false);
  });

  test("goes round a crew of equals, so that each gets its share", () => {
    const workers = ["a", "b", "c"].map((worker) => workerOf(worker));
    const loads = new Map<string, Assign.Load[]>();
    const given: string[] = [];
    let uplinkFreeAt = 0;
    for (let seq = 0; seq < 6; seq++) {
      const choice = Assign.choose(workers, loads, task, { now: 0, uplinkFreeAt }, LIVE);
      if (choice === undefined) break;
      uplinkFreeAt = choice.uploadedAt;
      given.push(choice.worker);
      const before = loads.get(choice.worker) ?? [];
      loads.set(choice.worker, [...before, { seq, readyAt: choice.readyAt }]);
    }
    expect(given.toSorted()).toEqual(["a", "a", "b", "b", "c", "c"]);
  });
});

describe("a second copy", () => {
  test.each<[string, number, number | undefined, number | undefined, number | undefined]>([
    ["when the first has taken 1.6 times what was predicted", 1_000, 9_000, 1_000, 2_600],
    ["half a second after that at least", 100, 9_000, 1_000, 1_600],
    ["sooner where the backup could not make it then", 1_000, 3_600, 1_000, 2_300],
    ["only once the first is overdue", 1_000, 3_600, 2_000, 2_150],
    ["at no time without a deadline", 1_000, undefined, 1_000, undefined],
    ["at no time without a backup", 1_000, 9_000, undefined, undefined],
  ])("starts %s", (_, own, deadline, backupMs, expected) => {
    const first = { sentAt: 1_000, doneAt: 1_000 + own };
    expect(Assign.hedgeAt(first, deadline, backupMs)).toBe(expected);
  });

  test("is not worth it for a slow segment where 70 % of the crew's time is taken", () => {
    const one = { worker: "a", epoch: 1, role: "crew", pixelsPerS: 1e8, uplink: 1e7, pullMs: 1 };
    const workers = [one, { ...one, worker: "b" }] as Assign.AvailableWorker[];
    expect(Assign.saturated(workers, 2.79e8, 2_000)).toBe(false);
    expect(Assign.saturated(workers, 2.81e8, 2_000)).toBe(true);
    expect(Assign.saturated([], 1, 2_000)).toBe(true);
  });

  test("at a file's end is made of what takes longest, if an idle worker would be done first", () => {
    const workerOf = (worker: string): Assign.AvailableWorker => ({
      worker,
      epoch: 1,
      role: "crew",
      newcomer: false,
      pixelsPerS: 1e8,
      uplink: 1e7,
      pullMs: 100,
    });
    const workers = [workerOf("a"), workerOf("b"), workerOf("c")];
    const task = { waiting: 0, pixels: 1e8, bytes: 0 }; // a second each
    const of = (a: number, b: number, more: object = {}, who = workers) => {
      const loads = new Map([
        ["a", [{ seq: 8, readyAt: a }]],
        ["b", [{ seq: 9, readyAt: b }]],
      ]);
      return Assign.tail(who, loads, { ...task, ...more }, 10_000, LIVE);
    };
    expect(of(10_900, 15_000)).toBe(9);
    expect(of(10_900, 11_200)).toBeUndefined(); // a copy would take 1.3 s
    expect(of(9_800, 10_100)).toBeUndefined(); // hardly late
    expect(of(7_900, 10_100)).toBe(8); // late by more than twice its whole time
    expect(of(10_900, 15_000, { waiting: 1 })).toBeUndefined();
    expect(of(10_900, 15_000, {}, workers.slice(0, 2))).toBeUndefined();
    expect(Assign.tail(workers, new Map(), task, 10_000, LIVE)).toBeUndefined();
  });
});

test("a segment that is being spot-checked counts among its worker's jobs, and takes none of its time", () => {
  const only: Assign.AvailableWorker = {
    worker: "a",
    epoch: 1,
    role: "crew",
    newcomer: false,
    pixelsPerS: 1e8,
    uplink: 1e9,
    pullMs: 0,
  };
  const task = { seq: 3, pixels: 1e8, bytes: 0, without: [], why: "first" } as const;
  const of = (load: readonly Assign.Load[]) =>
    Assign.choose([only], new Map([["a", load]]), task, { now: 0, uplinkFreeAt: 0 }, LIVE);
  const made = { readyAt: -900, made: true } as const;
  expect(of([{ seq: 1, ...made }])?.readyAt).toBe(1_000);
  expect(of([{ seq: 1, readyAt: 900 }])?.readyAt).toBe(1_900);
  expect(
    of([
      { seq: 1, ...made },
      { seq: 2, ...made },
    ]),
  ).toBeUndefined();
});

test("a segment of a file is given up after ten times what was predicted, and not within a minute", () => {
  expect(Assign.giveUpAt({ sentAt: 1_000, doneAt: 3_000 })).toBe(61_000);
  expect(Assign.giveUpAt({ sentAt: 1_000, doneAt: 11_000 })).toBe(101_000);
});
