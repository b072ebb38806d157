import { Check, type Config, Trust } from "@tabcast/market";
import {
  type CodecName,
  judge,
  pickFrames,
  type Rung,
  type Transcoder,
  type Verifier,
} from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import type { Checked } from "@tabcast/protocol";
import { type Clock, describe, type Random } from "@tabcast/runtime";
import type { Captured, Collected } from "./delivery.ts";

/** Segments whose draw is remembered for the reveal, over all workers. */
const MOST_DRAWN = 20_000;

/** Checks for which an own encode's failures excuse others', before content is encoded here again. */
const BLIND_CHECKS = 20;

/** Weight of the newest look in the average of what one takes. */
const ALPHA = 0.3;

export interface ChecksOptions {
  /**
   * Milliseconds between a live stream's segments; undefined for files. Payment waits for looks, and a live stream cannot wait
   * for payment: no more is promised than fits in `check.share` of its time, but never less than the floor. The first promise
   * is whole; until its look has shown what one takes here, the others are the floor.
   */
  readonly every: number | undefined;
  readonly rungs: readonly Rung[];
  readonly codec: CodecName;
  readonly verifier: () => Verifier;
  readonly transcoder: () => Transcoder;
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  /** Told why pictures could not be looked at. */
  readonly failed: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** What is to be checked of a receipt, drawn before anything is looked at. */
export interface Draw {
  readonly worker: PeerId;
  readonly seq: number;
  /** SHA-256 of the receipt's payload. */
  readonly receipt: Uint8Array<ArrayBuffer>;
  /** As the job named it. */
  readonly ppm: number;
  /** Every rung is looked at. */
  readonly whole: boolean;
}

export interface Result {
  readonly answer: "pass" | "doubt" | "fail";
  readonly failed: readonly string[];
}

/** Looks at pictures as chance says: carries out `Check`. To be asked for one look at a time. */
export interface Checks {
  /** What the offer commits to. */
  readonly commitment: Uint8Array<ArrayBuffer>;
  readonly seed: Uint8Array<ArrayBuffer>;
  /** The chance that a worker with this record is looked at, in millionths. */
  ppm(record: Trust.Record): number;
  /** Whether chance chose it; remembered for the reveal. */
  draw(of: Draw): boolean;
  /** Looks at what was made, twice where the first look is not good. Rejects only with the signal's reason. */
  look(
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

export function openChecks(options: ChecksOptions): Checks {
  const { rungs, codec, config, clock, random, failed, signal } = options;
  const seed = random.bytes(32) as Uint8Array<ArrayBuffer>;
  const draws = new Map<PeerId, Checked[]>();
  const tally = { drawn: 0, checked: 0, again: 0, ms: 0 };
  /** Measures that our own encodes of this content fail, by rung: nobody is held to them for a while. */
  const blind = new Map<
    string,
    { readonly excused: ReadonlySet<string>; readonly until: number }
  >();
  /** What a look took of late, waiting for its turn not counted, in milliseconds; undefined until there was one. */
  let usualMs: number | undefined;
  let promised = false;
  let verifier: Verifier | undefined;
  let transcoder: Transcoder | undefined;
  signal.addEventListener(
    "abort",
    () => {
      verifier?.close();
      transcoder?.close();
    },
    { once: true },
  );

  async function once(
    { receipt, whole }: Draw,
    source: Captured,
    renditions: readonly Collected[],
    number: number,
    stop: AbortSignal,
  ): Promise<{ look: Check.Look; failed: readonly string[] }> {
    verifier ??= options.verifier();
    const chance = Check.places(seed, receipt, number);
    const frames = pickFrames(source.video.frames, chance as Random);
    const made = rungs.filter(({ name }) => renditions.some(({ rung }) => rung === name));
    const places = Check.rungs(made, whole, chance);
    const asked = places.map((index) => made[index] as Rung);
    const { init, media } = source.video;
    const references = await verifier.reference(
      { source: { init, media }, frames, rungs: asked },
      { signal: stop },
    );
    const request = { init, media, codec, rungs: asked };
    let own: readonly Pick<Collected, "rung" | "init" | "media">[] = [];
    if (number > 1) {
      transcoder ??= options.transcoder();
      own = (await transcoder.transcode(request, { signal: stop })).renditions;
    }
    const wrong = new Set<string>();
    let worst: Check.Look = "honest";
    for (const [i, rung] of asked.entries()) {
      const reference = references[i];
      const rendition = renditions.find((one) => one.rung === rung.name);
      if (reference === undefined || rendition === undefined) continue;
      const compare = ({ init: head, media: body }: Pick<Collected, "init" | "media">) =>
        (verifier as Verifier).compare(
          { rendition: { init: head, media: body }, reference, rung, codec },
          { signal: stop },
        );
      const comparison = await compare(rendition);
      const mine = own.find((one) => one.rung === rung.name);
      const beside = mine && (await compare(mine));
      const { answer: said, failed: measures } = judge(comparison, beside);
      // What our own honest encode fails too is the content's doing, or a limit's.
      if (beside !== undefined) {
        const excused = new Set<string>(judge(beside).failed);
        blind.set(rung.name, { excused, until: tally.checked + BLIND_CHECKS });
      }
      const known = blind.get(rung.name);
      const excused = known !== undefined && known.until >= tally.checked && known.excused;
      const answer = excused && measures.every((measure) => excused.has(measure)) ? "honest" : said;
      for (const measure of measures) wrong.add(measure);
      if (answer === "false" || (answer === "grey" && worst === "honest")) worst = answer;
    }
    return { look: worst, failed: [...wrong] };
  }

  return {
    seed,
    commitment: Check.commit(seed),
    ppm(record) {
      const rate = Trust.checkRate(record, config);
      const { floor, share } = config.check;
      const { every } = options;
      const room = usualMs === undefined ? Number(!promised) : (share * (every ?? 0)) / usualMs;
      promised = true;
      const most = every === undefined ? 1 : Math.max(floor, room);
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
    async look(of, source, renditions, { signal: stop }) {
      const looks: Check.Look[] = [];
      let why: readonly string[] = [];
      const startedAt = clock.now();
      for (;;) {
        const next = Check.settle(looks);
        if (next !== "look" && next !== "again") {
          const ms = clock.now() - startedAt;
          tally.ms += ms;
          usualMs = usualMs === undefined ? ms : usualMs + ALPHA * (ms - usualMs);
          return { answer: next, failed: why };
        }
        if (next === "again") tally.again++;
        try {
          const { look, failed: measures } = await once(
            of,
            source,
            renditions,
            looks.length + 1,
            stop,
          );
          looks.push(look);
          why = measures;
        } catch (error) {
          stop.throwIfAborted();
          // Our own source or device is the reason: whoever made the renditions is not.
          failed(new Error(`segment ${of.seq} could not be looked at: ${describe(error)}`));
          looks.push("none");
        }
      }
    },
    drawn: () => draws,
    counts: () => ({ ...tally, ms: Math.round(tally.ms) }),
  };
}
