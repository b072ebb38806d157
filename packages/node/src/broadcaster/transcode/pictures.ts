import { Check } from "@tabcast/market";
import {
  type Comparison,
  judge,
  pickFrames,
  type Rung,
  type Transcoder,
  type Verifier,
} from "@tabcast/media";
import type { Random } from "@tabcast/runtime";
import type { StreamContext } from "../context.ts";
import type { Captured, Collected } from "../delivery.ts";

/** Spot checks for which what our own encode failed by excuses others too, before content is encoded here again. */
const BLIND_CHECKS = 20;

export interface PicturesOptions {
  readonly verifier: () => Verifier;
  readonly transcoder: () => Transcoder;
  /** Draws where to look. */
  readonly seed: Uint8Array;
  /** Spot checks drawn so far: how long an excuse holds is counted in them. */
  readonly checked: () => number;
}

/** What is compared, and whether for the first time, or for the second, beside an encode of our own. */
export interface SpotCheck {
  /** SHA-256 of the receipt's payload. */
  readonly receipt: Uint8Array;
  /** Every rung is compared, not one alone. */
  readonly whole: boolean;
  readonly source: Captured;
  readonly renditions: readonly Collected[];
  /** 1 or 2. */
  readonly number: number;
}

export interface Seen {
  readonly finding: Check.Finding;
  /** Measures that were not good, of any rung. */
  readonly failed: readonly string[];
}

/** Compares frames of renditions with the source's. */
export interface Pictures {
  /** Throws MEDIA_* where the source or this device is the reason, or the signal's reason. */
  check(of: SpotCheck, options: { signal: AbortSignal }): Promise<Seen>;
}

type Part = Pick<Collected, "rung" | "init" | "media">;

export function openPictures(
  { rungs, codec, signal }: Pick<StreamContext, "rungs" | "codec" | "signal">,
  options: PicturesOptions,
): Pictures {
  const { seed, checked } = options;
  const excuses = openExcuses(checked);
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

  /** What this tab makes of the same rungs, to be held beside what a worker made. */
  async function ownOf(source: Captured, asked: readonly Rung[], stop: AbortSignal) {
    const { init, media } = source.video;
    transcoder ??= options.transcoder();
    const request = { init, media, codec, rungs: asked };
    return (await transcoder.transcode(request, { signal: stop })).renditions;
  }

  return {
    async check({ receipt, whole, source, renditions, number }, { signal: stop }) {
      verifier ??= options.verifier();
      const pictures = verifier;
      const chance = Check.places(seed, receipt, number);
      const frames = pickFrames(source.video.frames, chance as Random);
      const made = rungs.filter(({ name }) => renditions.some(({ rung }) => rung === name));
      const asked = Check.rungs(made, whole, chance).map((index) => made[index] as Rung);
      const { init, media } = source.video;
      const references = await pictures.reference(
        { source: { init, media }, frames, rungs: asked },
        { signal: stop },
      );
      const own: readonly Part[] = number > 1 ? await ownOf(source, asked, stop) : [];
      const seen: Seen[] = [];
      for (const [i, rung] of asked.entries()) {
        const reference = references[i];
        const named = ({ rung: name }: Part) => name === rung.name;
        const [theirs, mine] = [renditions.find(named), own.find(named)];
        if (reference === undefined || theirs === undefined) continue;
        const compare = ({ init: head, media: body }: Part) =>
          pictures.compare(
            { rendition: { init: head, media: body }, reference, rung, codec },
            { signal: stop },
          );
        const comparison = await compare(theirs);
        seen.push(excuses.judge(rung.name, comparison, mine && (await compare(mine))));
      }
      return worstOf(seen);
    },
  };
}

/** Measures that our own encodes of this content fail, by rung: nobody is held to them for a while. */
export interface Excuses {
  /** What a comparison says of a rung, held beside that of our own encode where there is one. */
  judge(rung: string, comparison: Comparison, beside: Comparison | undefined): Seen;
}

export function openExcuses(checked: () => number): Excuses {
  const blind = new Map<
    string,
    { readonly excused: ReadonlySet<string>; readonly until: number }
  >();

  return {
    judge(rung, comparison, beside) {
      const { answer, failed } = judge(comparison, beside);
      // What our own honest encode fails too is the content's doing, or a limit's.
      if (beside !== undefined) {
        const excused = new Set<string>(judge(beside).failed);
        blind.set(rung, { excused, until: checked() + BLIND_CHECKS });
      }
      const known = blind.get(rung);
      const excused = known !== undefined && known.until >= checked() ? known.excused : undefined;
      const all = excused !== undefined && failed.every((measure) => excused.has(measure));
      return { finding: all ? "honest" : answer, failed };
    },
  };
}

/** The worst of what was seen of each rung, and all that was not good. */
export function worstOf(seen: readonly Seen[]): Seen {
  const findings = seen.map(({ finding }) => finding);
  const finding = (["false", "grey"] as const).find((bad) => findings.includes(bad)) ?? "honest";
  return { finding, failed: [...new Set(seen.flatMap(({ failed }) => failed))] };
}
