import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { judge } from "../assertions.ts";
import type { Run } from "../engine.ts";
import { jain } from "../figures.ts";
import { reportOf, table } from "../report.ts";
import { ASSERTIONS, parse } from "../scenario.ts";
import { virtual } from "./engine.ts";

const small = {
  name: "small",
  durationS: 30,
  warmupS: 15,
  workers: [{ id: "lap", n: 4, speed: { dist: "const", value: 4 } }],
  streams: [{}],
  viewers: { n: 1 },
};
const run = (change: object = {}, seed = 1) =>
  virtual.run(parse(JSON.stringify({ ...small, ...change })), { seed, keepEvents: true });

let usual: Run;
beforeAll(async () => {
  usual = await run();
});

describe("a run on virtual time", () => {
  test("publishes, pays and shows every segment with node's own code", () => {
    const { figures, findings } = judge(usual);
    expect(findings).toEqual([]);
    expect(figures).toMatchObject({ missed: 0, local: 0, fraudPaid: 0, conservation: 0 });
    expect(figures.segments).toBeGreaterThanOrEqual(14);
    expect(usual.money.paid).toBeGreaterThan(0n);
    expect(usual.viewers).toMatchObject([{ missed: 0, stalls: 0 }]);
    const kinds = new Set(usual.events.map(({ kind }) => kind));
    for (const kind of [
      "bid",
      "hired",
      "sent",
      "captured",
      "job",
      "paid",
      "segment",
      "fetched",
      "settled",
    ])
      expect(kinds).toContain(kind);
  });

  test("loses nothing where the broadcaster's spot checks are slower than its workers", async () => {
    const workers = [{ id: "lap", n: 1, speed: { dist: "const", value: 4 } }];
    const slow = await run({ workers, check: { lookMs: 6_000 } });
    expect(judge(slow).figures).toMatchObject({ missed: 0, local: 0 });
  });

  test("gives the same run to the byte for the same seed, and another one for another", async () => {
    const churn = { churn: { stay: { dist: "exp", meanS: 15 } }, net: { lossPct: 1 } };
    const [one, again, other] = [await run(churn), await run(churn), await run(churn, 2)];
    expect(again.hash).toBe(one.hash);
    expect(again.events).toEqual(one.events);
    expect(other.hash).not.toBe(one.hash);
  });

  test("gives the process its own crypto and stack traces back", () => {
    expect(Object.getOwnPropertyDescriptor(globalThis, "crypto")?.get).toBeDefined();
    expect(Error.stackTraceLimit).toBeGreaterThan(0);
  });

  test("says nearly the same whatever number of bytes one byte stands for", async () => {
    const at = async (scale: number) => judge(await run({ scale, viewers: { n: 0 } })).figures;
    const [whole, small] = [await at(1), await at(64)];
    expect(whole.uplinkRatio).toBeCloseTo(small.uplinkRatio as number, 1);
    expect(
      Math.abs((whole.roundTripP50S as number) - (small.roundTripP50S as number)),
    ).toBeLessThan(0.2);
  });

  test("after a worker crashed in mid-segment another one delivers, and the books still balance", async () => {
    const faults = [{ t: 6.3, do: "crash", who: { pick: "crew", stream: 0 } }];
    const crashed = await run({ faults });
    const [gone] = crashed.events.filter(({ kind }) => kind === "gone");
    expect(gone).toMatchObject({ how: "crash" });
    expect(judge(crashed).figures.failovers).toBeGreaterThan(0);
    expect(judge(crashed).figures.conservation).toBe(0);
    const last = crashed.segments.at(-1);
    expect(last).toMatchObject({ gaps: 0 });
    expect([gone?.node, "local", ""]).not.toContain(last?.by);
  });

  test("a worker whose broadcaster is gone for a minute says that it left", async () => {
    const faults = [{ t: 5, do: "crash", who: { pick: "broadcaster" } }];
    const { events } = await run({ faults, durationS: 90, viewers: { n: 0 } });
    const hired = events.filter(({ kind, node }) => kind === "hired" && node.startsWith("lap/"));
    const left = events.filter(({ kind }) => kind === "left");
    expect(hired.length).toBeGreaterThan(0);
    expect(left.map(({ node }) => node).toSorted()).toEqual(
      hired.map(({ node }) => node).toSorted(),
    );
    const struck = events.find(({ kind }) => kind === "crash")?.t ?? Number.NaN;
    for (const { t } of left) expect(t - struck).toBeGreaterThan(60_000);
  });

  test("without any worker the broadcaster encodes alone, and pays nobody", async () => {
    const alone = await run({ workers: [] });
    expect(judge(alone).figures.local).toBeGreaterThan(0.5);
    expect(alone.money).toMatchObject({ paid: 0n });
    expect(alone.money.refunded).toBe(alone.money.deposited);
  });

  test("a worker whose bytes are not what it signed for is found, dropped and unpaid for them", async () => {
    const workers = [
      { id: "lap", n: 2, speed: { dist: "const", value: 4 } },
      {
        id: "cheat",
        n: 1,
        speed: { dist: "const", value: 8 },
        behaviour: { kind: "black", from: 2 },
      },
    ];
    const cheated = await run({ workers, streams: [{ wanted: 3 }] });
    const [cheat] = cheated.workers.filter(({ attack }) => attack !== undefined);
    expect(cheat?.cheated).toBeGreaterThan(0);
    expect(cheat?.droppedInvalid).toBeGreaterThan(0);
    expect(judge(cheated).figures).toMatchObject({
      fraudPaid: 0,
      fraudUnseen: 0,
      honestDropped: 0,
    });
  });

  test("a worker that serves other bytes than it signed for gets a strike, and hears why", async () => {
    const fast = { dist: "const", value: 4 };
    const behaviour = { kind: "bad-hash", from: 2 };
    const workers = [
      { id: "lap", n: 2, speed: fast },
      { id: "cheat", n: 1, speed: fast, behaviour },
    ];
    const { events } = await run({ workers, streams: [{ wanted: 3 }], durationS: 60 });
    const dropped = events.filter(({ kind, worker }) => kind === "dropped" && worker === "cheat/0");
    expect(dropped.map(({ why }) => why)).toContain("invalid");
    expect(events).toContainEqual(
      expect.objectContaining({
        node: "cheat/0",
        kind: "refused",
        why: expect.stringContaining("hash"),
      }),
    );
  });

  test("a group of workers that comes later is not there before, and is hired then", async () => {
    const workers = [...small.workers, { ...small.workers[0], id: "late", n: 1, fromS: 10 }];
    const { events } = await run({ workers, streams: [{ wanted: 5 }] });
    const late = events.filter(({ node }) => node === "late/0");
    expect(late[0]).toMatchObject({ kind: "joined", t: 1_000 * (small.warmupS + 10) });
    expect(late.map(({ kind }) => kind)).toContain("hired");
  });

  test("a worker that gives nobody what it was paid for is dropped, and viewers miss nothing", async () => {
    const fast = { dist: "const", value: 4 };
    const workers = [
      { id: "lap", n: 2, speed: fast },
      { id: "miser", n: 1, speed: fast, behaviour: { kind: "unserved" } },
    ];
    const cheated = await run({ workers, streams: [{ wanted: 3 }], durationS: 90 });
    const { events, viewers } = cheated;
    const dropped = events.filter(({ kind, why }) => kind === "dropped" && why === "unserved");
    expect(dropped[0]?.worker).toBe("miser/0");
    expect(new Set(dropped.map(({ worker }) => worker)).size).toBe(1);
    expect(viewers).toMatchObject([{ missed: 0 }]);
    const { figures } = judge(cheated);
    expect(figures).toMatchObject({ missed: 0, honestDropped: 0 });
    expect(figures.detectionSegments).toBeGreaterThan(0);
    expect(figures.detectionSegments).toBeLessThanOrEqual(20);
  });

  test("takes turns: a worker whose lease is over is paid to the last segment, and nobody is left unpaid", async () => {
    const round = await run({ durationS: 120 });
    const { figures } = judge(round);
    expect(figures).toMatchObject({ missed: 0, conservation: 0, fraudPaid: 0 });
    // The first job, whose worker had to be dialled, had a copy, and who lost is not paid.
    expect(figures.arrears).toBeLessThanOrEqual(1);
    expect(figures.jain).toBeGreaterThan(0.8);
    const over = round.events.filter(({ kind, why }) => kind === "dropped" && why === "lease over");
    expect(over.length).toBeGreaterThan(1);
    expect(round.events.filter(({ kind }) => kind === "warning")).toEqual([]);
  });

  test("workers too slow for the ladder leave it to one that is not, and bid ever more rarely", async () => {
    const mixed = await run({
      workers: [
        { id: "quick", n: 1, speed: { dist: "const", value: 4 } },
        { id: "slow", n: 12, speed: { dist: "const", value: 0.25 } },
      ],
      durationS: 120,
      viewers: { n: 0 },
    });
    expect(judge(mixed).figures).toMatchObject({ missed: 0, local: 0, asked: 1 });
    const refusals = Map.groupBy(
      mixed.events.filter(({ what, why }) => what === "bid" && why === "too slow"),
      ({ node }) => node,
    );
    expect(refusals.size).toBeGreaterThan(6);
    for (const events of refusals.values())
      for (const [i, { t }] of events.slice(1).entries())
        expect(t - (events[i]?.t ?? 0)).toBeGreaterThan(30_000 * 2 ** i);
  });

  test("rungs that the only worker is too slow for are made by the stream's own tab", async () => {
    const slow = await run({
      workers: [{ id: "lap", n: 1, speed: { dist: "const", value: 0.8 } }],
      streams: [{ ladder: ["240p", "720p"] }],
      viewers: { n: 0 },
      durationS: 60,
    });
    const { figures } = judge(slow);
    expect(figures).toMatchObject({ missing: 0, local: 0, asked: 0.5, own: 0.5 });
    // What the tab made was no worker's work.
    expect(figures.duplicateWork).toBeGreaterThanOrEqual(0);
  });

  test("workers that were superseded while they were slow work again, or make room", async () => {
    const slow = await run({
      workers: [{ id: "lap", n: 3, speed: { dist: "const", value: 3 } }],
      streams: [{ wanted: 3 }],
      faults: [{ t: 0, do: "slow", who: "lap", factor: 40, forS: 16 }],
      durationS: 150,
      viewers: { n: 0 },
    });
    const late = slow.segments.filter(({ by }) => by === "local");
    expect(late.length).toBeGreaterThan(2);
    // Without a way out they would refuse for ever: two segments delivered and not paid.
    const after = slow.segments.filter(({ closedMs }) => closedMs > 110_000);
    expect(after.filter(({ by }) => by === "local")).toEqual([]);
  });

  test("a broadcaster that never pays gets a window of segments from each worker, and no more", async () => {
    const unpaid = await run({ streams: [{ behaviour: { kind: "never-pays" } }] });
    expect(unpaid.money).toMatchObject({ paid: 0n, vouched: 0n });
    expect(judge(unpaid).figures.arrears).toBeGreaterThan(0);
    expect(judge(unpaid).figures.arrears).toBeLessThanOrEqual(2);
  });
});

/** For each expectation: what would have to be true of a run to break it. */
const broken = {
  missed: (of) => ({ ...of, segments: of.segments.map((row) => ({ ...row, gaps: 4 })) }),
  missing: (of) => ({ ...of, segments: of.segments.map((row) => ({ ...row, gaps: 4 })) }),
  localAfter: (of) => ({ ...of, segments: of.segments.map((row) => ({ ...row, by: "local" })) }),
  own: (of) => ({ ...of, segments: of.segments.map((row) => ({ ...row, by: "local" })) }),
  ownAfter: (of) => ({ ...of, segments: of.segments.map((row) => ({ ...row, asked: 1 })) }),
  local: (of) => ({ ...of, segments: of.segments.map((row) => ({ ...row, by: "local" })) }),
  asked: (of) => ({ ...of, segments: of.segments.map((row) => ({ ...row, asked: 1 })) }),
  lost: (of) => ({ ...of, segments: of.segments.map((row) => ({ ...row, gaps: 4 })) }),
  fraudPaid: (of) => ({ ...of, money: { ...of.money, fraudPaidSegments: 1 } }),
  conservation: (of) => ({ ...of, money: { ...of.money, paid: of.money.paid + 1n } }),
  failoverP95S: (of) => ({
    ...of,
    segments: of.segments.map((row, i) =>
      i % 2 ? row : { ...row, failedOver: true, roundTripMs: row.roundTripMs + 60_000 },
    ),
  }),
  score: (of) => ({
    ...of,
    segments: of.segments.map((row) => ({ ...row, roundTripMs: 1_000_000 })),
  }),
  duplicateWork: (of) => ({ ...of, workPixels: { all: 100, published: 10 } }),
  uplinkRatio: (of) => ({ ...of, bytes: { ...of.bytes, jobs: 4 * of.bytes.captured } }),
  controlRatio: (of) => ({ ...of, bytes: { ...of.bytes, control: of.bytes.media } }),
  jain: (of) => ({
    ...of,
    workers: of.workers.map((row, i) => ({ ...row, earned: i === 0 ? 1n : 0n })),
  }),
  bidsPerOffer: (of) => ({ ...of, bids: 100 * of.offers }),
  honestDropped: (of) => ({
    ...of,
    workers: of.workers.map((row) => ({ ...row, droppedInvalid: 1 })),
  }),
  detectionSegments: (of) => ({
    ...of,
    workers: of.workers.map((row) => ({ ...row, cheated: 50 })),
  }),
  utilisation: (of) => ({
    ...of,
    workers: of.workers.map((row) => ({ ...row, busyMs: row.presentMs })),
  }),
  arrears: (of) => ({
    ...of,
    workers: of.workers.map((row) => ({ ...row, arrears: 9n * row.segmentAmount })),
  }),
  viewerStalls: (of) => ({ ...of, viewers: of.viewers.map((row) => ({ ...row, stalls: 5 })) }),
} satisfies Record<(typeof ASSERTIONS)[number], (of: Run) => Run>;

describe("what is expected of a run", () => {
  const bound: Readonly<Record<string, object>> = {
    score: { min: 0.2 },
    asked: { min: 0.9 },
    jain: { min: 0.3 },
    conservation: {},
    fraudPaid: {},
    honestDropped: {},
    failoverP95S: { max: 30 },
    bidsPerOffer: { max: 20 },
    detectionSegments: { max: 20 },
    arrears: { max: 2 },
  };
  test.each(ASSERTIONS)("%s holds of an honest run, and is found when it does not", (id) => {
    const expected = {
      expect: [{ id, ...(bound[id] ?? { max: 0.6 + Number(id === "uplinkRatio") }) }],
    };
    const scenario = parse(JSON.stringify({ ...small, ...expected }));
    const honest = { ...usual, scenario };
    expect(judge(honest).findings.filter((finding) => finding.id === id)).toEqual([]);
    const finding = judge(broken[id](honest)).findings.find((one) => one.id === id);
    expect(finding?.what).toMatch(/^[a-zA-Z0-9]+ is .* was expected$/);
  });

  test("segments that are shown out of order are always found", () => {
    const { findings } = judge({ ...usual, segments: usual.segments.toReversed() });
    expect(findings.map(({ id }) => id)).toContain("order");
  });

  test("an expectation without a bound says so instead of passing", () => {
    const scenario = parse(JSON.stringify({ ...small, expect: [{ id: "missed" }] }));
    expect(judge({ ...usual, scenario }).findings[0]?.what).toBe("missed needs a min or a max");
  });

  test("fairness is 1 for equals and 1/n for one who has it all", () => {
    expect(jain([3, 3, 3])).toBe(1);
    expect(jain([1, 0, 0, 0])).toBe(0.25);
    expect(jain([])).toBe(1);
  });

  test("a table marks what failed, and says that times are not calibrated when they are not", () => {
    const scenario = parse(JSON.stringify({ ...small, expect: [{ id: "score", min: 1 }] }));
    const text = table(reportOf({ ...usual, scenario }, 1_000));
    expect(text).toMatch(/score, median of streams .* FAILED/);
    expect(text).toMatch(/times (NOT CALIBRATED|calibrated)/);
  });
});

describe("npm run simulate", () => {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const simulate = (...args: string[]) =>
    spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...args], {
      encoding: "utf8",
    });

  // Each is a process that loads everything anew, on a machine that may be busy.
  const patience = { timeout: 120_000 };
  test(
    "writes what happened, exits with 1 when an expectation fails, and prints what repeats it",
    patience,
    () => {
      const folder = mkdtempSync(join(tmpdir(), "tabcast-sim-"));
      try {
        const { status, stdout, stderr } = simulate(
          "overcommit",
          "--seed",
          "3",
          "--out",
          folder,
          "--json",
        );
        const report = JSON.parse(stdout);
        expect(report).toEqual(JSON.parse(readFileSync(join(folder, "report.json"), "utf8")));
        expect(status).toBe(report.passed ? 0 : 1);
        if (status === 1)
          expect(stderr).toContain("again: npm run simulate -- overcommit --seed 3");
        const events = readFileSync(join(folder, "events.ndjson"), "utf8").trim().split("\n");
        expect(JSON.parse(events[0] as string)).toMatchObject({ kind: "joined" });
        const rows = readFileSync(join(folder, "segments.csv"), "utf8").trim().split("\n");
        expect(rows.length).toBeGreaterThan(report.figures.segments);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  test("says what is wrong with a command or a scenario, and exits with 2", patience, () => {
    for (const args of [[], ["no-such"], ["happy", "--seed", "x"], ["happy", "--surprise"]]) {
      const { status, stderr } = simulate(...args);
      expect(stderr).toMatch(/^error: /);
      expect(status).toBe(2);
    }
  });
});
