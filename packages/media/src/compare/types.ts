import type { Bytes, Micros, Output } from "@tabcast/runtime";
import type { CodecName, Fragment, Rung } from "../types.ts";
import type { FrameMeasures } from "./measures.ts";
import type { Picture } from "./planes.ts";
import type { Trace, TraceMeasures } from "./trace.ts";

/** A frame of the source at a rung's size. */
export interface ReferenceFrame {
  /** In order of presentation, from 0. */
  readonly index: number;
  readonly picture: Picture;
}

/** What is kept of a source segment to check one rung by: about 1.8 MB for three frames of 360p and two seconds at 25 per second. */
export interface Reference {
  readonly width: number;
  readonly height: number;
  /** Of the whole source segment, in ascending order. */
  readonly timestamps: readonly Micros[];
  readonly duration: Micros;
  /** Matrix by which the source's samples become colours. */
  readonly matrix: string;
  readonly sizes: Sizes;
  readonly frames: readonly ReferenceFrame[];
  /** Up to a few frames after the last of `frames`. */
  readonly trace: Trace;
}

/** Where a segment's bytes are. Coded frames only, no container. */
export interface Sizes {
  readonly key: Bytes;
  /** All frames, the key among them. */
  readonly coded: Bytes;
  /** Pixels of one frame. */
  readonly pixels: number;
}

export interface ReferenceRequest {
  readonly source: Pick<Fragment, "init" | "media">;
  /** Indices of the frames to check, ascending, at most 16. */
  readonly frames: readonly number[];
  readonly rungs: readonly Output[];
}

export interface CompareRequest {
  readonly rendition: Pick<Fragment, "init" | "media">;
  readonly reference: Reference;
  readonly rung: Rung;
  /** What was asked for; this browser must be able to decode it. */
  readonly codec: CodecName;
}

/** What a rendition says of itself, beside what it should. */
export interface Facts {
  readonly codec: CodecName;
  readonly startsWithKey: boolean;
  /** Frames, by the container. */
  readonly count: number;
  /** How far the worst presentation time is from the source's, in microseconds; infinite if the counts differ. */
  readonly timeError: number;
  /** The init segment names the rung's size and the source's colour matrix. */
  readonly size: boolean;
  readonly matrix: boolean;
  /** Top-level boxes that no media segment has. */
  readonly strangeBoxes: number;
  readonly sizes: Sizes;
}

/** Why nothing, or not all, could be measured. The rendition's fault, each of them. */
export type Broken =
  /** More bytes than any honest rendition of this rung; nothing was read. */
  | "too-large"
  /** No fragment that can be read. */
  | "malformed"
  /** The decoder refused it, or gave too few frames. */
  | "undecodable"
  /** It decodes to another size than the rung's, or promises to in its bitstream. */
  | "picture"
  /** It was not decoded in time. */
  | "slow";

/** Everything that was measured of one rendition. Numbers only: what they mean is the verdict's business. */
export interface Comparison {
  readonly rung: Rung;
  readonly codec: CodecName;
  readonly source: Pick<Reference, "sizes" | "duration"> & { readonly count: number };
  readonly broken?: { readonly why: Broken; readonly message: string };
  /** Absent if the fragment could not be read. */
  readonly facts?: Facts;
  /** One for each frame of the reference; absent if broken. */
  readonly frames?: readonly FrameMeasures[];
  readonly trace?: TraceMeasures;
  /** What it took, in milliseconds: decoding and reading frames; measuring the chosen ones; the trace. */
  readonly spent: { readonly decode: number; readonly frames: number; readonly trace: number };
}
