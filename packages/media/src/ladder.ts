import { CodedError, type Rung, type Size } from "@tabcast/runtime";

/** Why a ladder was refused. */
export type LadderReason =
  /** No rung was named. Do: name at least one rung. */
  | { readonly code: "LADDER_EMPTY" }
  /** A rung has neither a known name nor the form WIDTHxHEIGHT@KBPS. Do: write it as one of those. */
  | { readonly code: "LADDER_UNKNOWN"; readonly rung: string }
  /** A side is odd; encoders need even ones. Do: make both sides even. */
  | { readonly code: "LADDER_ODD"; readonly width: number; readonly height: number }
  /** The rung is larger than the source, or than 3840x2160. Do: choose a smaller rung. */
  | { readonly code: "LADDER_TOO_LARGE"; readonly width: number; readonly height: number }
  /** A side has fewer than 16 pixels. Do: choose a larger rung. */
  | { readonly code: "LADDER_TOO_SMALL"; readonly width: number; readonly height: number }
  /** The bitrate is not 10 to 200,000 kbit/s. Do: choose one within the bounds. */
  | { readonly code: "LADDER_BITRATE"; readonly kbps: number }
  /** The ladder has a rung twice. Do: name it once. */
  | { readonly code: "LADDER_DUPLICATE"; readonly rung: string }
  /** More than 8 rungs. Do: leave some out. */
  | { readonly code: "LADDER_TOO_MANY"; readonly rungs: number };

/** A ladder that cannot be made of this source. */
export class LadderError extends CodedError<LadderReason> {}

/** What people call the track that is the source itself: "1080p (original)". Its name on the wire is "source". */
export function originalName({ width, height }: Size): string {
  return `${Math.min(width, height)}p (original)`;
}

/** The named rungs: short side in pixels, and kilobits per second. */
const NAMED = [
  { side: 720, kbps: 3000 },
  { side: 480, kbps: 1600 },
  { side: 360, kbps: 800 },
  { side: 240, kbps: 250 },
] as const;
const MAX_WIDTH = 3840;
const MAX_HEIGHT = 2160;
const MIN_SIDE = 16;
/** Most rungs in a ladder, as many as one transcoding request may hold. */
export const MAX_LADDER = 8;

const even = (value: number) => Math.max(2, 2 * Math.round(value / 2));

/** The rung whose short side is `side`, in the source's shape, with even sides. */
function named(side: number, kbps: number, source: Size): Rung {
  const scale = side / Math.min(source.width, source.height);
  return {
    name: `${side}p`,
    width: source.width <= source.height ? side : even(source.width * scale),
    height: source.width <= source.height ? even(source.height * scale) : side,
    bitrate: kbps * 1000,
  };
}

const fits = (side: number, source: Size) => side <= Math.min(source.width, source.height);

/** Every named rung that is not larger than the source, largest first. Empty for a source smaller than 240 pixels. */
export function defaultLadder(source: Size): Rung[] {
  return NAMED.filter(({ side }) => fits(side, source)).map(({ side, kbps }) =>
    named(side, kbps, source),
  );
}

/**
 * The ladder that a text like `720p,480p,426x240@300` asks for, in its order. Sizes in pixels, bitrates in kbit/s. Throws
 * LADDER_EMPTY, LADDER_UNKNOWN, LADDER_ODD, LADDER_TOO_LARGE (than the source, or than 3840x2160), LADDER_TOO_SMALL,
 * LADDER_BITRATE (outside 10 to 200000 kbit/s), LADDER_DUPLICATE or LADDER_TOO_MANY (more than 8).
 */
export function parseLadder(text: string, source: Size): Rung[] {
  const parts = text
    .split(",")
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== "");
  if (parts.length === 0)
    throw new LadderError({ code: "LADDER_EMPTY" }, "the ladder is empty: name at least one rung");
  if (parts.length > MAX_LADDER)
    throw new LadderError(
      { code: "LADDER_TOO_MANY", rungs: parts.length },
      `the ladder has ${parts.length} rungs, at most ${MAX_LADDER}`,
    );
  const rungs = parts.map((part) => parseRung(part, source));
  rungs.forEach((rung, i) => {
    if (rungs.findIndex(({ name }) => name === rung.name) !== i)
      throw new LadderError(
        { code: "LADDER_DUPLICATE", rung: rung.name },
        `the ladder has the rung ${rung.name} twice`,
      );
  });
  return rungs;
}

function parseRung(part: string, source: Size): Rung {
  const name = NAMED.find(({ side }) => part === `${side}p`);
  if (name) {
    const rung = named(name.side, name.kbps, source);
    if (!fits(name.side, source)) throw largerThanSource(rung, part, source);
    checkSize(rung, part);
    return rung;
  }
  const sized = /^(\d{1,6})x(\d{1,6})@(\d{1,9})k?$/.exec(part);
  if (!sized)
    throw new LadderError(
      { code: "LADDER_UNKNOWN", rung: part },
      `unknown rung "${part.slice(0, 40)}": known are ${NAMED.map(({ side }) => `${side}p`).join(", ")}, or WIDTHxHEIGHT@KBPS`,
    );
  const [width, height, kbps] = sized.slice(1).map(Number) as [number, number, number];
  checkSize({ width, height }, part);
  // The long sides may differ by a pixel or two where the source's shape gives no even size.
  if (width > source.width || height > source.height)
    throw largerThanSource({ width, height }, part, source);
  if (kbps < 10 || kbps > 200_000)
    throw new LadderError(
      { code: "LADDER_BITRATE", kbps },
      `rung ${part} asks for ${kbps} kbit/s; it must be 10 to 200000`,
    );
  return { name: `${width}x${height}`, width, height, bitrate: kbps * 1000 };
}

function checkSize({ width, height }: Size, part: string): void {
  if (width % 2 !== 0 || height % 2 !== 0)
    throw new LadderError(
      { code: "LADDER_ODD", width, height },
      `rung ${part} has an odd side (${width}x${height}); encoders need even ones`,
    );
  if (Math.max(width, height) > MAX_WIDTH || Math.min(width, height) > MAX_HEIGHT)
    throw new LadderError(
      { code: "LADDER_TOO_LARGE", width, height },
      `rung ${part} is ${width}x${height}; the largest is ${MAX_WIDTH}x${MAX_HEIGHT}`,
    );
  if (Math.min(width, height) < MIN_SIDE)
    throw new LadderError(
      { code: "LADDER_TOO_SMALL", width, height },
      `rung ${part} is ${width}x${height}; sides must be at least ${MIN_SIDE} pixels`,
    );
}

const largerThanSource = ({ width, height }: Size, part: string, source: Size) =>
  new LadderError(
    { code: "LADDER_TOO_LARGE", width, height },
    `rung ${part} is larger than the source (${source.width}x${source.height})`,
  );
