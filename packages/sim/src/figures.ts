/** What a run comes to: one number for each thing that can be expected of it. */
import { Score } from "@tabcast/market";
import type { Run, SegmentRow, WorkerRow } from "./engine.ts";

/** (Σx)² / (n Σx²): 1 if all are equal, 1/n if one has it all. Source: Jain, Chiu, Hawe 1984. 1 for nobody or nothing. */
export function jain(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares);
}

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
const mean = (values: readonly number[]) =>
  ratio(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
/** Milliseconds to seconds, as reports show them. */
const seconds = (ms: number | undefined) => (ms === undefined ? 0 : ms / 1_000);

/** Figures of a run by the id that `expect` names; those without an `expect` id are for the report alone. */
export type Figures = Readonly<Record<string, number>>;

export function figuresOf(run: Run): Figures {
  const judged = run.segments.filter(({ judged: counts }) => counts);
  const trips = judged.filter(({ by, gaps }) => by !== "" && by !== "local" && gaps === 0);
  const quiet = trips.filter(({ failedOver }) => !failedOver).map((row) => row.roundTripMs);
  const usual = Score.percentile(quiet, 0.5) ?? 0;
  const extra = judged
    .filter(({ failedOver }) => failedOver)
    .map(({ roundTripMs }) => Math.max(0, roundTripMs - usual));
  const { media, control, captured, jobs } = run.bytes;
  const honest = run.workers.filter(({ attack }) => attack === undefined);
  const cheats = run.workers.filter(({ cheated }) => cheated > 0);
  const quietAt = afterFaultsMs(run);
  const later = judged.filter(({ closedMs }) => closedMs >= quietAt);
  return {
    segments: judged.length,
    missed: ratio(judged.filter(({ gaps }) => gaps > 0).length, judged.length),
    missing: ratio(
      judged.reduce((sum, { gaps }) => sum + gaps, 0),
      judged.reduce((sum, { rungs }) => sum + rungs, 0),
    ),
    local: ratio(judged.filter(({ by }) => by === "local").length, judged.length),
    own: shareOwn(judged),
    ownAfter: shareOwn(later),
    localAfter: ratio(later.filter(({ by }) => by === "local").length, later.length),
    asked: ratio(
      judged.reduce((sum, { asked }) => sum + asked, 0),
      judged.reduce((sum, { rungs }) => sum + rungs, 0),
    ),
    lost: ratio(
      judged.reduce((sum, { gaps, rungs, asked }) => sum + Math.max(0, gaps - rungs + asked), 0),
      judged.reduce((sum, { asked }) => sum + asked, 0),
    ),
    roundTripP50S: seconds(usual),
    roundTripP95S: seconds(
      Score.percentile(
        trips.map((row) => row.roundTripMs),
        0.95,
      ),
    ),
    failoverP95S: seconds(Score.percentile(extra, 0.95)),
    failovers: extra.length,
    score: scoreOf(run),
    duplicateWork:
      run.workPixels.published === 0 ? 0 : run.workPixels.all / run.workPixels.published - 1,
    uplinkRatio: ratio(jobs, captured),
    controlRatio: ratio(control, media),
    utilisation: ratio(
      run.workers.reduce((sum, { busyMs }) => sum + busyMs, 0),
      run.workers.reduce((sum, { presentMs }) => sum + presentMs, 0),
    ),
    jain: fairness(run.workers, () => true),
    jainHired: fairness(run.workers, ({ delivered }) => delivered > 0),
    bidsPerOffer: ratio(run.bids, run.offers),
    honestDropped: honest.reduce((sum, { droppedInvalid }) => sum + droppedInvalid, 0),
    detectionSegments: Math.max(
      0,
      ...cheats.map(({ cheatsUntilDropped, cheated }) => cheatsUntilDropped ?? cheated),
    ),
    fraudPaid: run.money.fraudPaidSegments,
    fraudUnseen: run.money.fraudUnseenSegments,
    // Gwei's parts do not matter here: anything but zero is a hole in the books.
    conservation: Number(
      abs(run.money.deposited - run.money.paid - run.money.refunded) +
        over(run.money.vouched, run.money.paid),
    ),
    arrears: Math.max(
      0,
      ...run.workers.map(
        ({ arrears, segmentAmount }) => Number(arrears) / Math.max(1, Number(segmentAmount)),
      ),
    ),
    missedSegments: judged.filter(({ gaps }) => gaps > 0).length,
    // A stream that never hired, or a viewer that saw nothing, waited for as long as it was there.
    hireS: seconds(mean(run.streams.map((row) => (row.hiredMs ?? run.virtualMs) - row.startedMs))),
    firstPictureS: seconds(mean(run.viewers.map((row) => row.startUpMs ?? row.stayedMs))),
    stalledS: seconds(mean(run.viewers.map(({ stalledMs }) => stalledMs))),
    viewerStalls: mean(run.viewers.map(({ stalls }) => stalls)),
    viewerMissed: mean(run.viewers.map(({ missed }) => missed)),
    startUpS: seconds(
      Score.percentile(
        run.viewers.flatMap(({ startUpMs }) => startUpMs ?? []),
        0.5,
      ),
    ),
  };
}

/** Renditions of a segment that the stream's own tab made: all, or those that the worker was not asked for. */
const ownOf = ({ by, rungs, gaps, asked }: SegmentRow): number =>
  by === "" || by === "local" ? rungs - gaps : Math.max(0, rungs - gaps - asked);

/** Share of all rungs that the stream's own tab made. */
const shareOwn = (rows: readonly SegmentRow[]): number =>
  ratio(
    rows.reduce((sum, row) => sum + ownOf(row), 0),
    rows.reduce((sum, { rungs }) => sum + rungs, 0),
  );

/** When the last of a scenario's faults is over, in milliseconds of the run; the end of warm-up where there is none. */
function afterFaultsMs({ scenario: { warmupS, faults } }: Run): number {
  const ends = faults.map((fault) => fault.t + ("forS" in fault ? fault.forS : 0));
  return (warmupS + Math.max(0, ...ends)) * 1_000;
}

const abs = (value: bigint) => (value < 0n ? -value : value);
/** What the first is above the second: workers must not hold promises that were not kept. */
const over = (one: bigint, other: bigint) => (one > other ? one - other : 0n);

/** Median over streams of the leaderboard's score, of renditions asked and verified by workers in time. */
function scoreOf(run: Run): number {
  const scores = run.segmentSeconds.map((segmentSeconds, stream) => {
    const own = run.segments.filter((row) => row.judged && row.stream === stream);
    const made = own.filter(({ by }) => by !== "" && by !== "local");
    return Score.score({
      asked: own.reduce((sum, { rungs }) => sum + rungs, 0),
      delivered: made.reduce((sum, row) => sum + row.rungs - row.gaps - ownOf(row), 0),
      roundTripsMs: made.map(({ roundTripMs }) => roundTripMs),
      segmentSeconds,
    });
  });
  return Score.percentile(scores, 0.5) ?? 0;
}

/** Jain's index of earnings among equals: the least of all groups, of honest workers by the time they were there. */
function fairness(workers: readonly WorkerRow[], counts: (worker: WorkerRow) => boolean): number {
  const groups = Map.groupBy(
    workers.filter(
      (worker) => worker.attack === undefined && worker.presentMs > 0 && counts(worker),
    ),
    ({ group }) => group,
  );
  const indices = [...groups.values()].map((group) =>
    jain(group.map(({ earned, presentMs }) => Number(earned) / presentMs)),
  );
  return Math.min(1, ...indices);
}
