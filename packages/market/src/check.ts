/**
 * Whose pictures are spot-checked, and where: chance that nobody can bend and anybody can recompute. The broadcaster commits to
 * a seed in its offer and names the chance in the job; the worker signs its receipt; both together decide; the seed is
 * shown when the stream is over.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Checked, Reveal } from "@tabcast/protocol";
import { concatBytes, equalBytes, type Output, Pixels, type Random, toHex } from "@tabcast/runtime";

const text = new TextEncoder();
const MILLION = 1_000_000;

/** SHA-256 of "tabcast/1/seed", a zero byte and the seed: what an offer carries. */
export const commit = (seed: Uint8Array): Uint8Array<ArrayBuffer> =>
  sha256(
    concatBytes(text.encode("tabcast/1/seed"), Uint8Array.of(0), seed),
  ) as Uint8Array<ArrayBuffer>;

const fraction48 = (digest: Uint8Array) =>
  digest.subarray(0, 6).reduce((value, byte) => value * 256 + byte, 0) / 2 ** 48;

/**
 * A fraction in [0, 1) of a seed and a receipt's SHA-256: the first 48 bits of HMAC-SHA256(seed, "tabcast/1/check" 0x00 receipt).
 * The receipt names award, epoch, sequence and the hashes of what was made, and is signed before the seed is known.
 */
export const draw = (seed: Uint8Array, receipt: Uint8Array): number =>
  fraction48(
    hmac(sha256, seed, concatBytes(text.encode("tabcast/1/check"), Uint8Array.of(0), receipt)),
  );

/** True if chance chose this receipt; `ppm` is the chance in millionths, as the job named it. */
export const chosen = (seed: Uint8Array, receipt: Uint8Array, ppm: number): boolean =>
  draw(seed, receipt) * MILLION < ppm;

/**
 * Chance for where to look: frames, and the rung. HMAC-SHA256(seed, "tabcast/1/look" 0x00 receipt counter), with a counter of
 * four bytes, big endian, for each fraction. `check` tells first and second spot checks apart.
 */
export function places(
  seed: Uint8Array,
  receipt: Uint8Array,
  check: number,
): Pick<Random, "fraction" | "below"> {
  let counter = 0;
  const fraction = () => {
    const count = new Uint8Array(8);
    new DataView(count.buffer).setUint32(0, check);
    new DataView(count.buffer).setUint32(4, counter++);
    return fraction48(
      hmac(
        sha256,
        seed,
        concatBytes(text.encode("tabcast/1/look"), Uint8Array.of(0), receipt, count),
      ),
    );
  };
  return { fraction, below: (limit) => Math.floor(fraction() * limit) };
}

/** Indices of the rungs to look at: all of a newcomer's, else one, drawn by its share of the pixels, which is its share of the pay. */
export function rungs(
  ladder: readonly Output[],
  all: boolean,
  random: Pick<Random, "fraction">,
): number[] {
  if (all) return ladder.map((_, i) => i);
  return [
    weighted(
      ladder.map((rung) => Pixels.perFrame([rung])),
      random,
    ),
  ];
}

/** An index, drawn by its weight; there is at least one. */
export function weighted(weights: readonly number[], random: Pick<Random, "fraction">): number {
  let at = random.fraction() * weights.reduce((sum, weight) => sum + weight, 0);
  const found = weights.findIndex((weight) => {
    at -= weight;
    return at < 0;
  });
  return found === -1 ? weights.length - 1 : found;
}

/** What a spot check found; "none" where the pictures could not be compared, through no fault of their maker. */
export type Finding = "honest" | "grey" | "false" | "none";

/**
 * What to do after the spot checks so far: one whose finding is not honest is repeated at other frames, beside an encode of our own.
 * Only "false" at both counts against its maker; what stays grey counts neither way.
 */
export function settle(
  findings: readonly Finding[],
): "check" | "again" | "pass" | "doubt" | "fail" {
  const [first, second] = findings;
  if (first === undefined) return "check";
  if (first === "honest") return "pass";
  if (first === "none") return "doubt";
  if (second === undefined) return "again";
  if (second === "honest") return "pass";
  return second === "false" ? "fail" : "doubt";
}

/** What a worker remembers of a segment it made. */
export interface Kept {
  readonly seq: number;
  /** SHA-256 of the receipt's payload. */
  readonly receipt: Uint8Array;
  /** As the job named it. */
  readonly ppm: number;
}

/** Why a reveal is not what was promised. */
export type Complaint =
  | { readonly what: "seed" }
  | { readonly what: "draw" | "chance" | "receipt"; readonly seq: number };

/**
 * Recomputes who was spot-checked; empty if everything is as it was promised. `kept` adds what only the worker knows: the chance named
 * before it signed, and which receipts it gave; without it the seed, and the draw of every line, are what anybody can check.
 */
export function audit(
  { seed, checks }: Pick<Reveal, "seed"> & { readonly checks: readonly Checked[] },
  commitment: Uint8Array,
  kept: readonly Kept[] = [],
): Complaint[] {
  if (!equalBytes(commit(seed), commitment)) return [{ what: "seed" }];
  const mine = new Map(kept.map((one) => [toHex(one.receipt), one]));
  return checks.flatMap(({ seq, receipt, ppm, checked }): Complaint[] => {
    const known = mine.get(toHex(receipt));
    const complaints: Complaint[] = [];
    if (kept.length > 0 && known?.seq !== seq) complaints.push({ what: "receipt", seq });
    if (known !== undefined && known.ppm !== ppm) complaints.push({ what: "chance", seq });
    if (chosen(seed, receipt, ppm) !== checked) complaints.push({ what: "draw", seq });
    return complaints;
  });
}
