/** What a run leaves behind: report.json, events.ndjson, segments.csv, and a table for people. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixed, percent as percentOf } from "@tabcast/runtime";
import { type Judgement, judge } from "./assertions.ts";
import { calibrated, calibration } from "./calibration.ts";
import type { Run } from "./engine.ts";

/** DIR/report.json, schema 1. Times in milliseconds unless a name says otherwise, money in decimal wei. */
export interface Report {
  readonly schema: 1;
  readonly engine: string;
  readonly scenario: Run["scenario"];
  readonly seed: number;
  readonly hash: string;
  readonly passed: boolean;
  readonly findings: Judgement["findings"];
  readonly figures: Judgement["figures"];
  readonly skipped: readonly string[];
  readonly workers: Run["workers"];
  readonly viewers: Run["viewers"];
  readonly money: Run["money"];
  readonly bytes: Run["bytes"];
  readonly calibration: {
    readonly date: string;
    readonly machine: string;
    readonly calibrated: boolean;
    readonly gap: unknown;
  };
  readonly node: string;
  readonly virtualMs: number;
  readonly wallMs: number;
}

/** A run and what it comes to. */
export function reportOf(run: Run, wallMs: number): Report {
  const { figures, findings } = judge(run);
  const { engine, scenario, seed, hash, skipped, workers, viewers, money, bytes, virtualMs } = run;
  const { date, machine, gap } = calibration;
  return {
    schema: 1,
    engine,
    scenario,
    seed,
    hash,
    passed: findings.length === 0,
    findings,
    figures,
    skipped,
    workers,
    viewers,
    money,
    bytes,
    calibration: {
      date,
      machine,
      calibrated: calibrated(calibration),
      gap,
    },
    node: process.version,
    virtualMs: Math.round(virtualMs),
    wallMs: Math.round(wallMs),
  };
}

/** JSON in which a bigint is decimal text. */
export const plain = (value: unknown, indent?: number): string =>
  JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? `${inner}` : inner), indent);

const COLUMNS = [
  "stream",
  "seq",
  "closedMs",
  "publishedMs",
  "roundTripMs",
  "encodeMs",
  "by",
  "attempts",
  "hedged",
  "gaps",
  "rungs",
  "asked",
  "paid",
  "judged",
  "failedOver",
] as const;

/** Writes report.json, events.ndjson and segments.csv into a folder. */
export function write(directory: string, report: Report, run: Run): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "report.json"), `${plain(report, 2)}\n`);
  writeFileSync(
    join(directory, "events.ndjson"),
    run.events.map((event) => `${plain(event)}\n`).join(""),
  );
  const rows = run.segments.map((row) => COLUMNS.map((name) => row[name]).join(","));
  writeFileSync(join(directory, "segments.csv"), `${[COLUMNS.join(","), ...rows].join("\n")}\n`);
}

const percent = (value: number) => percentOf(value, Math.abs(value) < 0.001 ? 3 : 2);
const plainly = (value: number) =>
  Number.isInteger(value) ? `${value}` : fixed(value, Math.abs(value) < 10 ? 3 : 1);
const inSeconds = (value: number) => `${fixed(value, 2)} s`;
const shown: Readonly<Record<string, readonly [string, (value: number) => string]>> = {
  segments: ["segments judged", plainly],
  missed: ["missed", percent],
  missing: ["renditions missing of the whole ladder", percent],
  local: ["encoded by the broadcaster", percent],
  own: ["renditions that the broadcaster made", percent],
  asked: ["rungs asked for", percent],
  lost: ["of these not delivered", percent],
  score: ["score, median of streams", plainly],
  roundTripP50S: ["round trip, median", inSeconds],
  roundTripP95S: ["round trip, p95", inSeconds],
  failoverP95S: ["extra delay where a worker was lost, p95", inSeconds],
  failovers: ["segments whose worker was lost", plainly],
  utilisation: ["use of all workers' time", percent],
  duplicateWork: ["extra work", percent],
  uplinkRatio: ["source bytes sent / captured", plainly],
  controlRatio: ["control bytes / media bytes", percent],
  jain: ["fairness among equals", plainly],
  jainHired: ["fairness among equals that were hired", plainly],
  bidsPerOffer: ["bids per offer", plainly],
  honestDropped: ["honest workers dropped as cheats", plainly],
  detectionSegments: ["bad segments until a cheat was dropped", plainly],
  fraudPaid: ["caught segments that were paid", plainly],
  fraudUnseen: ["bad segments paid and not caught", plainly],
  arrears: ["largest debt, in segments", plainly],
  viewerStalls: ["stalls per viewer", plainly],
  viewerMissed: ["segments a viewer missed", plainly],
  startUpS: ["start-up, median", inSeconds],
};

/** The table that people read. */
export function table(report: Report): string {
  const { scenario, seed, figures, findings, calibration: fit } = report;
  const failed = new Set(findings.map(({ id }) => id));
  const bounds = new Map(scenario.expect.map((one) => [one.id as string, one]));
  const lines = Object.entries(shown).map(([id, [label, format]]) => {
    const bound = bounds.get(id);
    const most = bound?.max === undefined ? "" : `at most ${format(bound.max)}`;
    const least = bound?.min === undefined ? "" : `at least ${format(bound.min)}`;
    const mark = bound === undefined ? "" : failed.has(id) ? "FAILED" : "ok";
    const value = format(figures[id] ?? 0).padStart(10);
    return `  ${label.padEnd(42)}${value}  ${[least, most]
      .filter((one) => one !== "")
      .join(", ")
      .padEnd(24)} ${mark}`.trimEnd();
  });
  const evidence = findings.flatMap(({ what, evidence: seen }) => [
    `FAILED: ${what}`,
    ...seen.map((line) => `    ${line}`),
  ]);
  const speed = report.virtualMs / Math.max(1, report.wallMs);
  return [
    `${scenario.name}, seed ${seed}, ${report.engine} engine: ${(report.virtualMs / 1_000).toFixed(0)} s of network time in ${(report.wallMs / 1_000).toFixed(1)} s (${speed.toFixed(0)} x)`,
    ...lines,
    `  times ${fit.calibrated ? `calibrated ${fit.date} on ${fit.machine}` : `NOT CALIBRATED (${fit.machine}, ${fit.date})`}${fit.gap === null ? "" : `, gap ${plain(fit.gap)}`}`,
    `  events ${report.hash.slice(0, 16)}`,
    ...report.skipped.map((what) => `  skipped: ${what}`),
    ...evidence,
  ].join("\n");
}
