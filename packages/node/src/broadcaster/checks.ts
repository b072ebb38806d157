import { Check, type Config, Trust } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import type { Checked } from "@tabcast/protocol";
import { describe } from "@tabcast/runtime";
import type { StreamContext } from "./context.ts";
import type { Captured, Collected } from "./delivery.ts";
import { openPictures, type PicturesOptions } from "./transcode/pictures.ts";

/** Segments whose draw is remembered for the reveal, over all workers. */
const MOST_DRAWN = 20_000;

/** Weight of the newest spot check in the average of what one takes. */
const ALPHA = 0.3;

export interface ChecksOptions extends Pick<PicturesOptions, "verifier" | "transcoder"> {
  /** Told why pictures could not be compared. */
  readonly failed: (error: unknown) => void;
}

/** What a spot check of one receipt is to cover, drawn before anything is compared. */
export interface Draw {
  readonly worker: PeerId;
  readonly seq: number;
  /** SHA-256 of the receipt's payload. */
  readonly receipt: Uint8Array<ArrayBuffer>;
  /** As the job named it. */
  readonly ppm: number;
  /** Every rung is compared, not one alone. */
  readonly whole: boolean;
}

export interface Result {
  readonly answer: "pass" | "doubt" | "fail";
  readonly failed: readonly string[];
}

/** Spot checks as chance says: carries out `Check`. To be asked for one at a time. */
export interface Checks {
  /** What the offer commits to. */
  readonly commitment: Uint8Array<ArrayBuffer>;
  readonly seed: Uint8Array<ArrayBuffer>;
  /** The chance that a worker with this record is spot-checked, in millionths. */
  ppm(record: Trust.Record): number;
  /** Whether chance chose it; remembered for the reveal. */
  draw(of: Draw): boolean;
  /** Compares what was made, and once more where the first finding is not good. Rejects only with the signal's reason. */
  check(
    of: Draw,
    source: Captured,
    renditions: readonly Collected[],
    options: { signal: AbortSignal },
  ): Promise<Result>;
  /** Every worker's draws, in order. */
  drawn(): ReadonlyMap<PeerId, readonly Checked[]>;
  counts(): {
    readonly drawn: number;
    readonly checked: number;
    readonly again: number;
    readonly ms: number;
  };
}

export function openChecks(context: StreamContext, options: ChecksOptions): Checks {
  const { config, pace, clock, random } = context;
  const seed = random.bytes(32) as Uint8Array<ArrayBuffer>;
  const draws = new Map<PeerId, Checked[]>();
  const tally = { drawn: 0, checked: 0, again: 0, ms: 0 };
  const pictures = openPictures(context, { ...options, seed, checked: () => tally.checked });
  /** What a spot check took of late, waiting for its turn not counted, in milliseconds; undefined until there was one. */
  let usualMs: number | undefined;
  let promised = false;

  /** One comparison; "none" where our own source or device is the reason that there was none: whoever made the renditions is not. */
  async function once(of: Draw, number: number, shown: Shown, stop: AbortSignal) {
    try {
      return await pictures.check({ ...of, ...shown, number }, { signal: stop });
    } catch (error) {
      stop.throwIfAborted();
      options.failed(new Error(`segment ${of.seq} could not be checked: ${describe(error)}`));
      return { finding: "none" as const, failed: undefined };
    }
  }

  return {
    seed,
    commitment: Check.commit(seed),
    ppm(record) {
      const first = !promised;
      promised = true;
      const rate = Trust.checkRate(record, config);
      const most = mostChecked({ everyMs: pace.checksEveryMs, usualMs, first }, config);
      return Math.max(1, Math.round(Math.min(rate, most) * 1e6));
    },
    draw({ worker, seq, receipt, ppm }) {
      const checked = Check.chosen(seed, receipt, ppm);
      tally.drawn++;
      if (checked) tally.checked++;
      const mine = draws.get(worker) ?? [];
      draws.set(worker, mine);
      if (tally.drawn <= MOST_DRAWN) mine.push({ seq, receipt, ppm, checked });
      return checked;
    },
    async check(of, source, renditions, { signal: stop }) {
      const findings: Check.Finding[] = [];
      let why: readonly string[] = [];
      const startedAt = clock.now();
      for (;;) {
        const next = Check.settle(findings);
        if (next !== "check" && next !== "again") {
          const ms = clock.now() - startedAt;
          tally.ms += ms;
          usualMs = usualMs === undefined ? ms : usualMs + ALPHA * (ms - usualMs);
          return { answer: next, failed: why };
        }
        if (next === "again") tally.again++;
        const { finding, failed } = await once(
          of,
          findings.length + 1,
          { source, renditions },
          stop,
        );
        findings.push(finding);
        why = failed ?? why;
      }
    },
    drawn: () => draws,
    counts: () => ({ ...tally, ms: Math.round(tally.ms) }),
  };
}

/** What a spot check compares. */
interface Shown {
  readonly source: Captured;
  readonly renditions: readonly Collected[];
}

/**
 * The share of segments that can be spot-checked, 0 to 1. Payment waits for spot checks, and a live stream, with a segment every `everyMs`,
 * cannot wait for payment: no more are promised than fit in `check.share` of its time, but never less than the floor. The first
 * promise is whole; until its spot check has shown what one takes here (`usualMs`), the others are the floor.
 */
export function mostChecked(
  {
    everyMs,
    usualMs,
    first,
  }: {
    readonly everyMs: number | undefined;
    readonly usualMs: number | undefined;
    readonly first: boolean;
  },
  { check: { floor, share } }: Pick<Config, "check">,
): number {
  if (everyMs === undefined) return 1;
  return Math.max(floor, usualMs === undefined ? Number(first) : (share * everyMs) / usualMs);
}
