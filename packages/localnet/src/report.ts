import { Score } from "@tabcast/market";
import type { Rung, SourceInfo } from "@tabcast/media";
import type { BroadcastReport, SegmentLine } from "@tabcast/node/types";

/** A value as it is after JSON: money and gas as decimal text. */
export type Plain<T> = T extends bigint
  ? string
  : T extends number | string | boolean | null | undefined
    ? T extends { readonly [key: symbol]: unknown }
      ? number
      : T
    : T extends readonly (infer Item)[]
      ? readonly Plain<Item>[]
      : { readonly [Key in keyof T]: Plain<T[Key]> };

/** JSON of anything that pages tell: a bigint becomes decimal text. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}` : inner));
}

/** What DIR/report.json holds, version 1. Amounts as decimal text, in the smallest parts of what pots are in, times in milliseconds, sizes in bytes. */
export interface Report {
  readonly version: 1;
  readonly seed: number;
  readonly input: Readonly<Record<string, string | number | boolean | null>>;
  readonly codec: string;
  readonly segmentSeconds: number;
  readonly rungs: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
    readonly bitrate: number;
  }[];
  readonly segments: readonly (Omit<SegmentLine, "worker"> & { readonly worker: string | null })[];
  readonly workers: BroadcastReport["workers"];
  /** Bytes of source and control, extra copies, spot checks, dropped messages, and how each segment came to be. */
  readonly traffic: BroadcastReport["traffic"];
  readonly work: BroadcastReport["work"];
  readonly checks: BroadcastReport["checks"];
  readonly drops: BroadcastReport["drops"];
  readonly trace: BroadcastReport["trace"];
  readonly settlement: {
    readonly chainId: number;
    readonly contract: string;
    readonly deposited: string;
    readonly paid: string;
    readonly refunded: string;
    readonly gas: { readonly open: number; readonly claimOrPay: number; readonly close: number };
  };
  readonly summary: {
    /** Captured. */
    readonly segments: number;
    /** Of those, how many have every rung verified that was asked for. */
    readonly delivered: number;
    readonly missed: number;
    readonly successRate: number;
    readonly score: number;
    /** Of a segment's slowest rung, sent to verified; null if nothing was delivered. */
    readonly p50Ms: number | null;
    readonly p95Ms: number | null;
    /** Seconds of media per second of wall time. */
    readonly realtimeRatio: number;
    readonly wallMs: number;
  };
}

export interface ReportInput {
  readonly seed: number;
  /** Path as it was given; undefined is the built-in scene. */
  readonly file?: string;
  readonly info: Plain<SourceInfo>;
  readonly codec: string;
  readonly segmentSeconds: number;
  readonly rungs: readonly Plain<Rung>[];
  readonly chain: { readonly id: number; readonly contract: string };
  readonly broadcast: Plain<BroadcastReport>;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

/** The slowest rung's milliseconds of every segment of which all that was asked for is verified, by sequence. */
function roundTrips(broadcast: Plain<BroadcastReport>, rungs: readonly string[]): number[] {
  const all: number[] = [];
  for (let seq = 0; seq < broadcast.captured; seq++) {
    const lines = rungs
      .map((rung) => broadcast.segments.find((line) => line.seq === seq && line.rung === rung))
      .filter((line) => line?.asked !== false);
    if (lines.every((line) => line?.verified && line.worker))
      all.push(Math.max(0, ...lines.map((line) => line?.roundTripMs ?? 0)));
  }
  return all;
}

/** What a broadcast did, in the form that scripts read. */
export function makeReport(input: ReportInput): Report {
  const { broadcast, chain, info, rungs } = input;
  const trips = roundTrips(
    broadcast,
    rungs.map((rung) => rung.name),
  );
  const { captured, settlement } = broadcast;
  // A segment counts when all its rungs came: a viewer who wants the missing one is not helped by the others.
  const record = {
    asked: captured,
    delivered: trips.length,
    roundTripsMs: trips,
    segmentSeconds: input.segmentSeconds,
  };
  return {
    version: 1,
    seed: input.seed,
    input: {
      file: input.file ?? null,
      kind: info.kind,
      videoCodec: info.input.videoCodec,
      audioCodec: info.input.audioCodec ?? null,
      width: info.width,
      height: info.height,
      frameRate: round(info.frameRate, 3),
      bitrate: Math.round(info.bitrate),
      seconds: round(broadcast.mediaSeconds, 6),
      passthrough: info.passthrough,
    },
    codec: input.codec,
    segmentSeconds: input.segmentSeconds,
    rungs: rungs.map(({ name, width, height, bitrate }) => ({ name, width, height, bitrate })),
    segments: broadcast.segments.map((line) => ({ ...line, worker: line.worker ?? null })),
    workers: broadcast.workers,
    traffic: broadcast.traffic,
    work: broadcast.work,
    checks: broadcast.checks,
    drops: broadcast.drops,
    trace: broadcast.trace,
    settlement: {
      chainId: settlement?.chainId ?? chain.id,
      contract: settlement?.contract ?? chain.contract,
      deposited: settlement?.deposited ?? "0",
      paid: settlement?.paid ?? "0",
      refunded: settlement?.refunded ?? "0",
      gas: {
        open: Number(settlement?.gas.open ?? 0),
        claimOrPay: Number(settlement?.gas.claimOrPay ?? 0),
        close: Number(settlement?.gas.close ?? 0),
      },
    },
    summary: {
      segments: captured,
      delivered: trips.length,
      missed: captured - trips.length,
      successRate: round(Score.successRate(record), 6),
      score: round(Score.score(record), 6),
      p50Ms: Score.percentile(trips, 0.5) ?? null,
      p95Ms: Score.percentile(trips, 0.95) ?? null,
      realtimeRatio: round(broadcast.mediaSeconds / Math.max(0.001, broadcast.wallMs / 1_000), 3),
      wallMs: Math.round(broadcast.wallMs),
    },
  };
}

/** Rungs that workers were not asked for, because nobody who came was quick enough, and in how many segments. */
export function notAsked({ rungs, segments }: Pick<Report, "rungs" | "segments">): string[] {
  return rungs.flatMap(({ name }) => {
    const count = segments.filter(({ rung, asked }) => rung === name && !asked).length;
    return count === 0 ? [] : [`${name} in ${count} ${count === 1 ? "segment" : "segments"}`];
  });
}

/** Why the broadcast was not perfect, one line each; empty means exit 0. */
export function shortcomings(report: Report): readonly string[] {
  const { settlement, summary } = report;
  const found: string[] = [];
  if (summary.segments === 0) found.push("no segment was captured");
  if (summary.missed > 0) {
    const holes: string[] = [];
    for (let seq = 0; seq < summary.segments; seq++)
      for (const { name } of report.rungs) {
        const line = report.segments.find((one) => one.seq === seq && one.rung === name);
        if (line?.asked !== false && !(line?.verified && line.worker)) holes.push(`${seq}/${name}`);
      }
    const shown = holes.slice(0, 8).join(" ");
    found.push(
      `${holes.length} of ${summary.segments * report.rungs.length} renditions were not delivered and verified: ${shown}${holes.length > 8 ? " ..." : ""}`,
    );
  }
  const owed = report.segments.reduce((sum, line) => sum + BigInt(line.paid), 0n);
  const paid = BigInt(settlement.paid);
  if (owed !== paid)
    found.push(`${owed} parts were promised for segments, and ${paid} were paid on chain`);
  const [deposited, refunded] = [BigInt(settlement.deposited), BigInt(settlement.refunded)];
  if (deposited !== paid + refunded)
    found.push(`${deposited} parts were deposited, ${paid} paid and ${refunded} refunded`);
  return found;
}
