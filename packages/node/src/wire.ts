import type { CodecName, Rung } from "@tabcast/media";
import type { Rung as WireRung } from "@tabcast/protocol";
import type { BitsPerSecond } from "@tabcast/runtime";

/** Rungs as media has them, from rungs as the wire has them (checked when they were decoded). */
export const asRungs = (rungs: readonly WireRung[]): Rung[] =>
  rungs.map((rung) => ({ ...rung, bitrate: rung.bitrate as BitsPerSecond }));

/** The codec family an offer or job names; `protocol` has checked that it is one. */
export const asCodec = (name: string): CodecName => name as CodecName;

/** A VerdictReply's `why` that asks for a guarantee. Source: SPEC.md 7. */
export const UNGUARANTEED = "unguaranteed";
