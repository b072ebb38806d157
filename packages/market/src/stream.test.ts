/**
 * The decisions of this package put together: one stream on virtual time, with workers that stall, lie, vanish and cheat.
 * Effects are carried out as `node` does, without bytes.
 */
import type { Bid } from "@tabcast/protocol";
import { seededRandom } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import * as Assign from "./assign.ts";
import * as Check from "./check.ts";
import { LIVE } from "./config.ts";
import * as Crew from "./crew.ts";
import * as Job from "./job.ts";
import * as Screen from "./screen.ts";
import * as Trust from "./trust.ts";

/** Its bounds are of chances that about one seed in twenty misses, so a run's SEED is not for these; STREAM_SEED is. */
const SEED = Number(process.env.STREAM_SEED ?? 1);
const SEGMENTS = 300;
const SEGMENT_MS = 2_000;
const SLACK_MS = 4_000;
const PIXELS = 83_000_000;
const BYTES = 750_000;
const LOCAL_MS = 1_500;
/** From a live segment's last byte to its renditions, for a worker that keeps up. */
const TAIL_MS = 200;

/** A segment is handed out when it is complete, or when it begins. */
type Mode = "complete" | "begun";

interface Worker {
  readonly name: string;
  /** True speed, output pixels per second. */
  readonly speed: number;
  /** Factor by which it exaggerates. */
  readonly boast?: number;
  /** Chance that a job stops half-way without a word. */
  readonly stalls?: number;
  /** Chance that its result fails the checks. */
  readonly cheats?: number;
  /** Chance that its pictures are false, which only a spot check shows. */
  readonly lies?: number;
  readonly comesAt?: number;
  /** Vanishes without a word. */
  readonly goesAt?: number;
}

function stream(
  mode: Mode,
  workers: readonly Worker[],
  seed = SEED,
  records = new Map<string, Trust.Record>(),
) {
  const secret = seededRandom(seed, "secret").bytes(32);
  const recordOf = (name: string) => records.get(name) ?? Trust.stranger;
  const learn = (name: string, type: "good" | "strike" | "silent") =>
    records.set(name, Trust.step(recordOf(name), { type, now }, LIVE));
  const random = seededRandom(seed, "stream");
  let now = 0;
  const queue: { at: number; run: () => void }[] = [];
  const after = (ms: number, run: () => void) => void queue.push({ at: now + ms, run });

  let crew = Crew.open({
    wanted: 2,
    maxPrice: 10n,
    pixels: PIXELS,
    bytes: BYTES,
    segmentMs: SEGMENT_MS,
    slackMs: SLACK_MS,
  });
  const jobs = new Map<number, Job.Job>();
  const loads = new Map<string, Assign.Load[]>();
  let picks: { seq: number; why: "first" | "again" | "hedge"; without: readonly string[] }[] = [];
  let budget = Job.newBudget;
  let uplinkFreeAt = 0;
  const delivered = new Map<number, { by: string; ms: number }>();
  const closedAt = new Map<number, number>();
  /** When a segment is complete, also one that is still being made. */
  const closesAt = (seq: number) => 5_000 + seq * SEGMENT_MS;
  const paid: { seq: number; worker: string }[] = [];
  const tally = { gaps: 0, hedges: 0, copies: 0, invalid: 0, awards: 0, checked: 0, falsePaid: 0 };
  /** Segments of each worker that were looked through, its lies among them. */
  const made = new Map<string, number>();
  const busyUntil = new Map<string, number>();

  const gone = (worker: Worker) => worker.goesAt !== undefined && now >= worker.goesAt;
  const there = (worker: Worker) => now >= (worker.comesAt ?? 0) && !gone(worker);
  const named = (name: string) => workers.find((worker) => worker.name === name);

  function tellCrew(event: Crew.Event): void {
    const [next, effects] = Crew.step(crew, event, LIVE, random);
    crew = next;
    for (const effect of effects) {
      if (effect.do === "offer") {
        for (const worker of workers.filter(there)) {
          const bid: Bid = {
            offer: effect.id as Uint8Array<ArrayBuffer>,
            worker: worker.name,
            payee: new Uint8Array(20),
            lane: 0,
            price: 10n,
            pixelsPerS: worker.speed * (worker.boast ?? 1),
            slots: 1,
            queueMs: 0,
            ageMs: 0,
            tags: [],
            addrs: [],
            proof: new Uint8Array(0),
            payeeProof: new Uint8Array(0),
            award: random.bytes(16) as Uint8Array<ArrayBuffer>,
          };
          after(100 + random.below(100), () => {
            const record = recordOf(worker.name);
            const suspendedFor = Math.max(0, record.suspendedUntil - now);
            const denied = Screen.bid(bid, Screen.open, { payee: "named", suspendedFor });
            const honesty = Trust.honesty(record, now, LIVE);
            if (there(worker)) tellCrew({ type: "bid", bid, now, denied, honesty });
          });
        }
      } else if (effect.do === "award") {
        tally.awards++;
        const { worker, epoch } = effect.member;
        after(200, () => {
          const who = named(worker);
          if (who !== undefined && there(who)) tellCrew({ type: "accepted", worker, epoch, now });
        });
      }
    }
    assign();
  }

  function unload(worker: string, seq: number): void {
    loads.set(
      worker,
      (loads.get(worker) ?? []).filter((load) => load.seq !== seq),
    );
  }

  function tellJob(seq: number, event: Job.Event): void {
    const job = jobs.get(seq);
    if (job === undefined) return;
    const [next, effects] = Job.step(job, event, LIVE);
    jobs.set(seq, next);
    for (const effect of effects) act(seq, effect);
    const wake = Job.wakeAt(next, LIVE);
    if (wake !== undefined)
      after(Math.max(0, wake - now), () => {
        const current = jobs.get(seq);
        const due = current && Job.wakeAt(current, LIVE);
        if (due !== undefined && due <= now)
          tellJob(seq, { type: "late", now, hedge: Job.mayHedge(budget) });
      });
  }

  function act(seq: number, effect: Job.Effect): void {
    switch (effect.do) {
      case "pick":
        picks.push({ seq, why: effect.why, without: effect.without });
        assign();
        return;
      case "send":
        tally.copies++;
        send(seq, effect.worker, effect.epoch);
        return;
      case "cancel":
        unload(effect.worker, seq);
        return;
      case "verify": {
        const { worker } = effect;
        const lie = random.fraction() < (named(worker)?.lies ?? 0);
        const ppm = Math.round(Trust.checkRate(recordOf(worker), LIVE) * 1e6);
        const drawn = Check.chosen(secret, random.bytes(32), ppm);
        const findings: Check.Finding[] = [];
        while (drawn && ["check", "again"].includes(Check.settle(findings)))
          findings.push(lie ? "false" : "honest");
        if (drawn) tally.checked++;
        const caught = Check.settle(findings) === "fail";
        const bad = caught || random.fraction() < (named(worker)?.cheats ?? 0);
        made.set(worker, (made.get(worker) ?? 0) + 1);
        if (lie && !bad) tally.falsePaid++;
        after(50, () => {
          unload(worker, seq);
          learn(worker, bad ? "strike" : "good");
          if (bad) tally.invalid++;
          else {
            const encodeMs = (PIXELS * 1_000) / (named(worker)?.speed ?? 1);
            const upload = mode === "begun" ? undefined : { bytes: BYTES, ms: 600 };
            const sample = { pixels: PIXELS, upload, encodeMs, pullMs: 50 };
            tellCrew({ type: "delivered", worker, sample, now });
          }
          tellJob(
            seq,
            bad ? { type: "failed", worker, fault: "invalid" } : { type: "passed", worker },
          );
          assign();
        });
        return;
      }
      case "publish":
        delivered.set(seq, { by: effect.by, ms: now - (closedAt.get(seq) ?? 0) });
        return;
      case "pay":
        paid.push({ seq, worker: effect.worker });
        return;
      case "blame":
        if (effect.fault === "dead" || effect.fault === "late") learn(effect.worker, "silent");
        unload(effect.worker, seq);
        tellCrew({ type: "lost", worker: effect.worker, fault: effect.fault, now });
        return;
      case "encode":
        after(Math.max(LOCAL_MS, closesAt(seq) + TAIL_MS - now), () =>
          tellJob(seq, { type: "localDone" }),
        );
        return;
      case "gap":
        tally.gaps++;
        return;
      case "stopLocal":
        return;
    }
  }

  function assign(): void {
    const available = Crew.available(crew, LIVE, ({ worker }) =>
      Trust.newcomer(recordOf(worker), LIVE),
    );
    for (const pick of [...picks]) {
      const job = jobs.get(pick.seq);
      if (job === undefined || !Job.wants(job, LIVE)) {
        picks = picks.filter((other) => other !== pick);
        continue;
      }
      const open = now < closesAt(pick.seq);
      const ends = open ? { closesAt: closesAt(pick.seq) } : {};
      const task = { pixels: PIXELS, bytes: BYTES, ...ends, ...pick };
      const choice = Assign.choose(available, loads, task, { now, uplinkFreeAt }, LIVE);
      if (choice === undefined) continue;
      picks = picks.filter((other) => other !== pick);
      if (pick.why === "hedge") {
        if (!Job.mayHedge(budget)) continue;
        budget = Job.spend(budget);
        tally.hedges++;
      }
      if (!open) uplinkFreeAt = choice.uploadedAt;
      const { worker, epoch, readyAt } = choice;
      loads.set(worker, [...(loads.get(worker) ?? []), { seq: pick.seq, readyAt }]);
      tellJob(pick.seq, { type: "assigned", worker, epoch, now });
    }
  }

  /** The worker's side: upload, wait for its encoder, heartbeats, receipt. */
  function send(seq: number, name: string, epoch: number): void {
    const worker = named(name);
    if (worker === undefined) return;
    const open = now < closesAt(seq);
    const uploaded = open ? 0 : Math.max(0, uplinkFreeAt - now);
    const start = Math.max(now + uploaded, busyUntil.get(name) ?? 0);
    const end = Math.max(start + (PIXELS * 1_000) / worker.speed, closesAt(seq) + TAIL_MS);
    const stalls = random.fraction() < (worker.stalls ?? 0);
    const silentAt = stalls ? (start + end) / 2 : end;
    busyUntil.set(name, stalls ? silentAt : end);
    after(uploaded, () => tellJob(seq, { type: "progress", worker: name, now }));
    const beat = () => {
      if (gone(worker) || now >= silentAt) return;
      tellJob(seq, { type: "progress", worker: name, now });
      after(500, beat);
    };
    after(uploaded, beat);
    if (!stalls)
      after(end - now, () => {
        if (!gone(worker)) tellJob(seq, { type: "receipt", worker: name, epoch });
      });
  }

  const tick = () => {
    const at = Crew.wakeAt(crew, LIVE);
    if (at !== undefined && at <= now) tellCrew({ type: "tick", now });
    after(100, tick);
  };
  after(0, tick);
  for (let seq = 0; seq < SEGMENTS; seq++) {
    const limits = {
      localAt: closesAt(seq) + SLACK_MS - LIVE.margin * LOCAL_MS,
      deadline: closesAt(seq) + SLACK_MS,
    };
    after(closesAt(seq) - (mode === "begun" ? SEGMENT_MS : 0), () => {
      budget = Job.earn(budget, LIVE);
      const [job, effects] = Job.open({ seq, limits: mode === "begun" ? undefined : limits });
      jobs.set(seq, job);
      for (const effect of effects) act(seq, effect);
    });
    after(closesAt(seq), () => {
      closedAt.set(seq, now);
      tellJob(seq, { type: "closed", limits });
    });
    after(limits.localAt, () => tellJob(seq, { type: "late", now, hedge: Job.mayHedge(budget) }));
  }
  const end = 5_000 + SEGMENTS * SEGMENT_MS + 2 * SLACK_MS;
  while (now < end) {
    let next = 0;
    for (let i = 1; i < queue.length; i++)
      if ((queue[i]?.at ?? 0) < (queue[next]?.at ?? 0)) next = i;
    const [event] = queue.splice(next, 1);
    if (event === undefined) break;
    now = event.at;
    event.run();
  }
  const of = (by: string) => [...delivered.values()].filter((one) => one.by === by).length;
  const times = [...delivered.values()].map(({ ms }) => ms);
  return { delivered, paid, tally, of, crew, made, records, slowest: Math.max(...times) };
}

const good = (name: string, values: Partial<Worker> = {}): Worker => ({
  name,
  speed: 120_000_000,
  ...values,
});

describe.each<Mode>(["complete", "begun"])(
  `a stream of ${SEGMENTS} segments, handed out when %s (STREAM_SEED=${SEED})`,
  (mode) => {
    test("with honest workers is delivered by them, each segment sent once and paid once", () => {
      const { delivered, paid, tally, of } = stream(mode, [good("a"), good("b"), good("c")]);
      expect(delivered.size).toBe(SEGMENTS);
      expect(of("local")).toBe(0);
      expect(tally).toMatchObject({ gaps: 0, hedges: 0, copies: SEGMENTS, invalid: 0 });
      expect(paid).toHaveLength(SEGMENTS);
      expect(new Set(paid.map(({ seq }) => seq)).size).toBe(SEGMENTS);
    });

    test("loses nothing when a worker vanishes in mid-segment, and later another", () => {
      const workers = [
        good("a", { goesAt: 60_700 }),
        good("b", { goesAt: 200_300 }),
        good("c"),
        good("d", { comesAt: 120_000 }),
      ];
      const { delivered, tally, slowest, of } = stream(mode, workers);
      expect(delivered.size).toBe(SEGMENTS);
      expect(tally.gaps).toBe(0);
      expect(slowest).toBeLessThanOrEqual(SLACK_MS);
      // Nobody tells the broadcaster that they are gone: it finds out at three segments each, and all of them are saved.
      expect(of("local")).toBeLessThanOrEqual(4);
      expect(tally.hedges).toBeLessThanOrEqual(2 * LIVE.late.most);
    });

    test("copies stalled segments, one in ten at most, and delivers everything", () => {
      const workers = ["a", "b", "c", "d"].map((name) => good(name, { stalls: 0.05 }));
      const { delivered, tally, slowest, of } = stream(mode, workers);
      expect(delivered.size).toBe(SEGMENTS);
      expect(tally.gaps).toBe(0);
      // Only where the copy stalls too, or none was allowed.
      expect(of("local")).toBeLessThanOrEqual(0.03 * SEGMENTS);
      expect(tally.hedges).toBeGreaterThan(0);
      expect(tally.hedges).toBeLessThanOrEqual(0.1 * SEGMENTS + 1);
      expect(slowest).toBeLessThanOrEqual(SLACK_MS);
    });

    test("pays a cheat nothing for what was caught, and hires it no third time", () => {
      const workers = [good("a"), good("b"), good("cheat", { speed: 400_000_000, cheats: 1 })];
      const { delivered, paid, tally, of } = stream(mode, workers);
      expect(delivered.size).toBe(SEGMENTS);
      expect(tally.invalid).toBeGreaterThan(0);
      expect(tally.invalid).toBeLessThanOrEqual(LIVE.mostInvalid * LIVE.perWorker);
      expect(of("cheat")).toBe(0);
      expect(paid.some(({ worker }) => worker === "cheat")).toBe(false);
    });

    test("drops a worker that lies in 30 % of its pictures, pays it for no lie that was caught, and remembers", () => {
      const workers = [good("a"), good("b"), good("liar", { lies: 0.3 })];
      const records = new Map<string, Trust.Record>();
      let segments = 0;
      let caught = 0;
      let paid = 0;
      for (let i = 0; (records.get("liar")?.suspendedUntil ?? 0) === 0; i++) {
        expect(i).toBeLessThan(20);
        const one = stream(mode, workers, SEED + i, records);
        expect(one.delivered.size).toBe(SEGMENTS);
        segments += one.made.get("liar") ?? 0;
        caught += one.tally.invalid;
        paid += one.paid.filter(({ worker }) => worker === "liar").length;
      }
      expect(caught).toBe(LIVE.trust.strikes.most);
      expect(segments).toBeLessThanOrEqual(20);
      expect(paid).toBe(segments - caught);
      const later = stream(mode, workers, SEED + 9, records);
      expect(later.made.get("liar")).toBeUndefined();
      expect(later.delivered.size).toBe(SEGMENTS);
    });

    test("spot-checks honest workers ever more rarely, and never more rarely than the floor", () => {
      const workers = [good("a"), good("b")];
      const records = new Map<string, Trust.Record>();
      const looked = Array.from({ length: 3 }, (_, i) => stream(mode, workers, SEED + i, records));
      const shares = looked.map(({ tally }) => tally.checked / SEGMENTS);
      expect(shares[0]).toBeGreaterThan(shares[2] ?? 1);
      // Four standard deviations of 300 draws at 0.15 are 0.083.
      for (const share of shares) expect(share).toBeGreaterThan(LIVE.check.floor - 0.083);
      expect(shares[2]).toBeLessThan(LIVE.check.floor + 0.083);
      expect(looked.every(({ tally }) => tally.invalid === 0)).toBe(true);
    });

    test("finds out that a worker boasts of its speed, and gives it less", () => {
      // Slower than real time, so that it also falls behind a segment that is still being made.
      const slow = { speed: 28_000_000, boast: 30 };
      const { delivered, of } = stream(mode, [good("a"), good("boaster", slow), good("c")]);
      expect(delivered.size).toBe(SEGMENTS);
      expect(of("boaster")).toBeLessThan(SEGMENTS / 3);
    });

    test("without any worker is encoded here, all of it in time", () => {
      const { delivered, of, slowest, paid } = stream(mode, []);
      expect(of("local")).toBe(SEGMENTS);
      expect(delivered.size).toBe(SEGMENTS);
      expect(slowest).toBeLessThanOrEqual(SLACK_MS);
      expect(paid).toEqual([]);
    });

    test("repeats to the bit with the same seed", () => {
      const workers = ["a", "b", "c"].map((name) => good(name, { stalls: 0.1, cheats: 0.02 }));
      const [one, two] = [stream(mode, workers, 42), stream(mode, workers, 42)];
      expect([...one.delivered]).toEqual([...two.delivered]);
      expect(one.tally).toEqual(two.tally);
    });
  },
);
