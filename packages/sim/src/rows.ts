/** What a run remembers of its workers and streams while it goes on, and the rows that come of it. */
import { Price } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import type { BroadcastEvent } from "@tabcast/node/types";
import { type Amount, Pixels } from "@tabcast/runtime";
import type { SegmentRow, WorkerRow } from "./engine.ts";
import { Ladder } from "./ladder.ts";
import type { Scenario } from "./scenario.ts";
import type { StagedWorker, StreamTab, WorkerTab } from "./stage.ts";

/** Attacks on deadlines, and the words with which a stream sends them away. */
const SLOW: ReadonlySet<string> = new Set(["late", "stall", "lies-speed"]);
const TOO_LATE: ReadonlySet<string> = new Set(["late", "too slow", "dead"]);

/** A worker of the run, whether it is there or not. */
export interface Worker {
  readonly name: string;
  readonly spec: Scenario["workers"][number];
  readonly staged: StagedWorker;
  readonly price: Amount;
  readonly speed: number;
  /** Segments that it spoilt; those that a check found, as "stream/sequence". */
  readonly cheats: Set<string>;
  readonly caught: Set<string>;
  cheatsUntilDropped: number | undefined;
  droppedInvalid: number;
  delivered: number;
  earned: bigint;
  presentMs: number;
  busyMs: number;
  /** While it is there. */
  here: { readonly since: number; readonly tab: WorkerTab } | undefined;
}

/** A stream of the run. */
export interface Stream {
  readonly number: number;
  readonly name: string;
  readonly spec: Scenario["streams"][number];
  readonly crew: Map<PeerId, "crew" | "backup">;
  /** When each segment that is not published yet was closed, and to whom it was sent. */
  readonly closedAt: Map<number, number>;
  readonly sentTo: Map<number, PeerId[]>;
  /** Once it is on the air. */
  tab: StreamTab | undefined;
  /** Its tab crashed. */
  gone: boolean;
}

/** Pixels of one frame at all these rungs. */
export const pixelsOf = (rungs: readonly string[]) => Pixels.perFrame(Ladder.of(rungs, 1));

/** Segments that a worker spoilt; of one that lies about its speed all that it made. */
const cheated = ({ spec, cheats, delivered }: Worker) =>
  spec.behaviour?.kind === "lies-speed" ? delivered : cheats.size;

/** The largest of some amounts, zero of none. */
function largest(amounts: readonly bigint[]): bigint {
  let most = 0n;
  for (const amount of amounts) if (amount > most) most = amount;
  return most;
}

/** A stream let a worker go. */
export function droppedBy(worker: Worker, why: string): void {
  const caught = why === "invalid" || why === "unserved";
  if (caught) worker.droppedInvalid++;
  const slow = SLOW.has(worker.spec.behaviour?.kind ?? "") && TOO_LATE.has(why);
  if (caught || slow) worker.cheatsUntilDropped ??= cheated(worker);
}

/** A worker after the run. `at` is when it ended, in milliseconds. */
export function workerRow(worker: Worker, scenario: Scenario, at: number): WorkerRow {
  const { name, spec, delivered, earned, busyMs, caught, cheatsUntilDropped } = worker;
  const stream = scenario.streams[0] as Stream["spec"];
  const rungs = Ladder.of(stream.ladder, scenario.scale);
  return {
    name,
    group: spec.id,
    attack: spec.behaviour?.kind,
    delivered,
    earned: earned,
    busyMs,
    presentMs: worker.presentMs + (worker.here === undefined ? 0 : at - worker.here.since),
    cheated: cheated(worker),
    caught: caught.size,
    cheatsUntilDropped,
    droppedInvalid: worker.droppedInvalid,
    arrears: largest(worker.staged.books().owed),
    segmentAmount: Price.ofSegment(worker.price, rungs, Math.round(stream.segS * stream.fps)),
  };
}

/** What is known when a segment is published. */
export interface Published {
  readonly stream: Stream;
  readonly event: Extract<BroadcastEvent, { type: "segment" }>;
  readonly now: number;
  readonly workerOf: (peer: PeerId) => Worker | undefined;
  /** Whether a segment that was closed then counts. */
  readonly counts: (closedMs: number) => boolean;
}

/** The row of a segment that was just published, and the worker that made it. */
export function segmentRow(published: Published): {
  readonly row: SegmentRow;
  readonly maker: Worker | undefined;
} {
  const { stream, event, now, workerOf, counts } = published;
  const { seq, lines, gaps } = event;
  // Of a segment that a worker made, what this says of it is said of its maker, not of what the stream's tab made beside it.
  const line = lines.find(({ asked }) => asked) ?? lines[0];
  const closedMs = stream.closedAt.get(seq) ?? now;
  const maker = line?.worker === undefined ? undefined : workerOf(line.worker);
  const row: SegmentRow = {
    stream: stream.number,
    seq,
    closedMs,
    publishedMs: now,
    roundTripMs: line?.roundTripMs ?? 0,
    encodeMs: line?.encodeMs ?? 0,
    by: maker?.name ?? line?.worker ?? "",
    attempts: line?.attempts ?? 0,
    hedged: line?.hedged ?? false,
    gaps: gaps.length,
    rungs: stream.spec.ladder.length,
    asked: lines.filter(({ asked }) => asked).length,
    paid: lines.reduce((sum, { paid }) => sum + BigInt(paid), 0n),
    judged: counts(closedMs),
    failedOver: (stream.sentTo.get(seq) ?? []).some((peer) => {
      const other = workerOf(peer);
      return other !== maker && (other?.here === undefined || other.here.tab.stalled);
    }),
  };
  return { row, maker };
}
