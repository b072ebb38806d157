import type { BitsPerSecond, Bytes, Micros, Rung } from "@tabcast/runtime";

export type { Rung };

/** Codec families a ladder can have. The RFC 6381 string is chosen per rung and read back from the file. */
export type CodecName = "avc" | "vp9" | "av1";

/** What a source is, as far as can be known before its first segment. */
export interface SourceInfo {
  /** Container or capture kind: "mp4", "webm", "camera", "screen", "scene", ... */
  readonly kind: string;
  /** RFC 6381 codec of the video as it will leave the broadcaster. */
  readonly codec: string;
  /** Upright display size in pixels, even. */
  readonly width: number;
  readonly height: number;
  /** Mean frames per second. */
  readonly frameRate: number;
  /** Video bits per second as it leaves the broadcaster; measured, or the encoder's target. */
  readonly bitrate: BitsPerSecond;
  /** Length of the whole, or undefined for live capture. */
  readonly duration?: Micros;
  /** True if the packets are cut as they are; false if they are decoded and encoded again. */
  readonly passthrough: boolean;
  /** RFC 6381 codec of the audio track as it will leave, or undefined for silence. */
  readonly audioCodec?: string;
  /** What its owner may want to know, in plain sentences: which of several tracks is used, what is missing. */
  readonly notes?: readonly string[];
  /** How the input's own tracks were coded, for the report: "avc1.640028", "mp4a.40.2". */
  readonly input: { readonly videoCodec: string; readonly audioCodec?: string };
}

/** An fMP4 init segment and one media segment (styp sidx moof mdat) that needs it. */
export interface Fragment {
  readonly init: Uint8Array<ArrayBuffer>;
  readonly media: Uint8Array<ArrayBuffer>;
  /** RFC 6381, read from the file. */
  readonly codecs: string;
  /** Frames of video or packets of audio. */
  readonly frames: number;
}

/** One closed GOP of the source with the audio of the same span. */
export interface SourceSegment {
  /** From 0, no hole. */
  readonly seq: number;
  /** Media time since the source began; the first frame's timestamp. */
  readonly start: Micros;
  readonly duration: Micros;
  /** When the first frame was captured, Unix milliseconds; for files, when the segment was read. */
  readonly capturedAt: number;
  readonly video: Fragment;
  /** Absent where the source is silent, or has no audio in this span. */
  readonly audio?: Fragment;
}

/**
 * A segment from its beginning on: of a live scene or capture while it is being made, of anything else when it is complete.
 */
export interface Opening {
  readonly seq: number;
  readonly start: Micros;
  /** When the first frame was captured, Unix milliseconds; for files, when the segment was read. */
  readonly capturedAt: number;
  /** What it is going to be, unless the source ends before; exact where it is complete. */
  readonly planned: { readonly duration: Micros; readonly frames: number };
  readonly frameRate: number;
  /** True if all of it was there when it was yielded. */
  readonly complete: boolean;
  readonly init: Uint8Array<ArrayBuffer>;
  /**
   * The video's media segment as it comes, in chunks of about 250 ms; each call gives a stream of its own from the first
   * byte on. The pieces are shared: do not change or transfer them.
   */
  media(): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The segment without its sound, as soon as the video is complete. Rejects where the source ends badly before. */
  readonly closed: Promise<Omit<SourceSegment, "audio">>;
  /** The whole segment. Rejects as `closed` does. */
  readonly whole: Promise<SourceSegment>;
}

/** What a source segment may be at most, as it was said before it came. */
export interface SourceLimits {
  readonly codec: CodecName;
  /** Width times height of its pictures. */
  readonly pixels: number;
  readonly frames: number;
  /** Of all frames together. */
  readonly duration: Micros;
}

/** One segment and what to make of it. */
export interface TranscodeRequest {
  readonly init: Uint8Array<ArrayBuffer>;
  /**
   * The media segment (`styp? sidx? (moof mdat)+`), whole, or as a stream of pieces cut anywhere. A stream is handed over:
   * work begins with its first bytes, and it is cancelled if it is not read to its end. At most 32 MiB with the init.
   */
  readonly media: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly codec: CodecName;
  readonly rungs: readonly Rung[];
  /** Frames per second, above 0, at most 240. Default: what the first moof tells. Given, encoders open before the first byte. */
  readonly frameRate?: number;
  /**
   * Names the stream, in 1 to 128 characters: its segments teach what to ask encoders for in the next ones. Default: none, so
   * nothing is learnt or remembered, and equal requests to equal encoders spend alike.
   */
  readonly stream?: string;
  /** What was said of the source before it came. What is more than that is refused before it is decoded. Default: the bounds of the media layer alone. */
  readonly limits?: SourceLimits;
  /** Who is to code, where that was measured. Hardware that does not take a rung, or fails, gives way. Default: "no-preference". */
  readonly acceleration?: HardwareAcceleration;
}

/** The bytes of one segment at one rung. */
export interface Rendition extends Fragment {
  readonly rung: string;
}

/** A rendition as the transcoder gives it. */
export interface Transcoded extends Rendition {
  /** Bytes of `media` before its first sample; the rest is what `made` was told, in a row. */
  readonly headLen: number;
}

/** Samples of a rendition, soon after they were encoded. */
export interface Made {
  /** Index in the request's `rungs`. */
  readonly rung: number;
  /** Bytes of this rung's samples before these; zero again where a failed encoder was replaced and all begins anew. */
  readonly at: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface TranscodeResult {
  readonly renditions: readonly Transcoded[];
  /** Milliseconds of work: waiting for input, or for another job, does not count. */
  readonly encodeMs: number;
  /** Milliseconds from the input's last byte to the renditions. */
  readonly tailMs: number;
  readonly hardware: "hw" | "sw" | "unknown";
}

export interface TranscodeOptions {
  readonly signal: AbortSignal;
  /** Buffers of the request to move rather than to copy; as with `postMessage`, the caller loses them. Default: none. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Called with the number of source frames done so far, at most every 100 ms. */
  readonly progress?: (frames: number) => void;
  /** Called with what was encoded, in the order of the file, several frames at a time. */
  readonly made?: (made: Made) => void;
}

/**
 * A dedicated worker that decodes and encodes. One job works at a time, in order; while it waits for bytes of its stream
 * the next ones may. Beyond four jobs in hand, further ones wait until one is done.
 */
export interface Transcoder {
  transcode(request: TranscodeRequest, options: TranscodeOptions): Promise<TranscodeResult>;
  close(): void;
}

/** What a device can do. */
export interface Capability {
  readonly codec: CodecName;
  /** Output pixels per second over the whole ladder, decode included. */
  readonly pixelsPerSecond: number;
  readonly hardware: "hw" | "sw" | "unknown";
}

/** The speed of ladders of one size. */
export interface SpeedAt extends Omit<Capability, "codec"> {
  /** Of the largest rung, in pixels. */
  readonly height: number;
}

/** What a device measured of itself in about a second; the speed of the largest ladder stands for all. */
export interface Measured extends Capability {
  /** Smallest ladder first. A slow device measures the smaller ones only. */
  readonly sizes: readonly SpeedAt[];
  /** Encoders that can be open and at work at once; 8 means that or more. */
  readonly encoders: number;
  /** Slowest by fastest of runs that should be alike, at least 1; undefined where nothing was run twice. Disturbed above 1.25. */
  readonly spread?: number;
}

/** What can be said of a fragment without decoding it. Verification compares two of these. */
export interface Structure {
  readonly codecs: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** Presentation times in ascending order. */
  readonly timestamps: readonly Micros[];
  readonly duration: Micros;
  /** True if the first packet really is a key frame, by its bitstream. */
  readonly startsWithKey: boolean;
  readonly bytes: Bytes;
  /** Top-level box types of the media segment, in order. */
  readonly boxes: readonly string[];
}

/** An open input: what it is, and its segments in order. Owns a dedicated worker. */
export interface Source {
  readonly info: SourceInfo;
  /**
   * Yields closed GOPs until the input ends or `stop` is called; the last one may be short. Live sources never wait for
   * the reader beyond a bound of 8 segments, after which the oldest unread is refused with MEDIA_OVERRUN. Ends quietly on abort.
   */
  segments(options: { readonly signal: AbortSignal }): AsyncIterable<SourceSegment>;
  /** The same segments, yielded as soon as they begin; in place of `segments`. */
  openings(options: { readonly signal: AbortSignal }): AsyncIterable<Opening>;
  /** Ends the input after the GOP in hand. */
  stop(): void;
  /** For a preview in the page: a live track, where there is one. */
  readonly preview?: MediaStream;
  close(): void;
}

export interface SourceOptions {
  /** Length of one closed GOP. Default 2_000_000; 500_000 to 10_000_000. */
  readonly segment?: Micros;
  /** "live" gives segments out no faster than real time. Files and the scene only; captures are always live. */
  readonly pace?: "live" | "fast";
  /** For the built-in scene. */
  readonly seed?: number;
}
