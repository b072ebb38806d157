import type { Rung } from "@tabcast/media";
import type { Signer } from "@tabcast/protocol";
import type { Outside } from "../context.ts";

/** A stream on the air, from its broadcaster's signed announcement. */
export interface LiveStream {
  readonly stream: string;
  readonly title: string;
  readonly codec: string;
  readonly rungs: readonly Rung[];
  readonly source: Rung;
  readonly audio: boolean;
  readonly segmentMs: number;
  readonly startedAt: number;
  readonly newest: number;
  readonly ended: boolean;
}

export type ViewerEvent =
  | { readonly type: "announced"; readonly live: LiveStream }
  | { readonly type: "entry"; readonly seq: number; readonly gaps: readonly string[] }
  /** Bytes came from `peer` and their hash was right. */
  | {
      readonly type: "fetched";
      readonly seq: number;
      readonly track: string;
      readonly peer: string;
      readonly bytes: number;
      readonly ms: number;
    }
  /** A holder failed or sent wrong bytes; the next one is asked. */
  | {
      readonly type: "mismatch" | "unreachable";
      readonly seq: number;
      readonly track: string;
      readonly peer: string;
    }
  /** The broadcaster signed two entries for one segment, as it sent them: a proof for anybody. The first one counts. */
  | {
      readonly type: "equivocated";
      readonly seq: number;
      readonly proof: readonly [first: Uint8Array, second: Uint8Array];
    }
  /** The stream is private, and the link had no key, or not this stream's. Told once. */
  | { readonly type: "locked"; readonly key: "missing" | "wrong" }
  | { readonly type: "ended" };

export interface ViewerOptions extends Outside {
  /** Lower-case hex stream id. */
  readonly stream: string;
  /** What stands after "#" in a private stream's watch link, 43 characters. Default: the stream is not private. */
  readonly key?: string;
  readonly on: (event: ViewerEvent) => void;
  /** The key behind `mesh.self`: signs complaints about holders that fail. Undefined: none are made. */
  readonly signer?: Signer;
}

/**
 * Follows one stream's manifest, fetches by hash, checks, and serves to others what it holds.
 * URIs in its playlists: `<track>/index.m3u8` in the master's folder; `init-<seq>.mp4` and `<seq>.m4s` beside a media
 * playlist. Track names are percent-encoded. Players map them back to `bytes(track, what, seq)`.
 */
export interface Viewer {
  /**
   * The HLS multivariant playlist; waits for the announcement and the first entry. Sound is offered in the first coding that
   * `plays` takes, by its RFC 6381 string; without `plays`, in all there are.
   */
  master(options: { signal: AbortSignal; plays?: (codecs: string) => boolean }): Promise<string>;
  /** The live media playlist of a track ("720p", "source", "audio", "audio-aac"); with `atLeast`, waits until that sequence is in it. */
  playlist(track: string, options: { signal: AbortSignal; atLeast?: number }): Promise<string>;
  /** A checked copy of an init or media segment. `firstByteAt` is the clock's `now()`: performance.now() time in pages. */
  bytes(
    track: string,
    what: "init" | "media",
    seq: number,
    options: { signal: AbortSignal },
  ): Promise<{ data: ArrayBuffer; firstByteAt: number }>;
  close(): Promise<void>;
}
