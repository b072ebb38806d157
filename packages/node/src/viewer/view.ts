import * as Hls from "@tabcast/media/hls";
import { type Entry, parseKey, watchKeys } from "@tabcast/protocol";
import { CodedError, fromHex } from "@tabcast/runtime";
import { contextOf } from "../context.ts";
import * as Manifest from "../manifest.ts";
import { followersOf } from "./catching-up.ts";
import { openComplaining } from "./complaining.ts";
import { openFollowing } from "./following.ts";
import { openFragments, type Wish } from "./fragments.ts";
import type { Viewer, ViewerOptions } from "./types.ts";

export { liveStreams } from "./live.ts";

/** Segments a live playlist shows: enough to pause for a minute. */
const WINDOW = 30;

/** Why a viewer cannot give what its player asks for. */
export type ViewerReason =
  /** The stream's id is not 64 hexadecimal digits. Do: copy the link again. */
  | { code: "VIEWER_STREAM"; stream: string }
  /** Nobody delivered this segment at this rung in time. Do: nothing; players pass over it. */
  | { code: "VIEWER_GAP"; track: string; seq: number }
  /** The manifest has no such track or segment now. Do: ask for one that the playlist lists. */
  | { code: "VIEWER_UNKNOWN"; track: string; seq?: number };
export class ViewerError extends CodedError<ViewerReason> {}

/**
 * Follows a stream until `signal` fires or `close` is called. Throws VIEWER_STREAM if the id is not 64 hex digits, and PROTOCOL_KEY if
 * there is a key that is not whole.
 */
export function view(options: ViewerOptions): Viewer {
  const { on } = options;
  const stream = idOf(options.stream);
  const keys = options.key === undefined ? undefined : watchKeys(stream, parseKey(options.key));
  const own = new AbortController();
  const until = AbortSignal.any([options.signal, own.signal]);
  const context = contextOf({ ...options, signal: until });
  const following = openFollowing(context, { stream, keys, on });
  const complaining = openComplaining(context, {
    stream,
    signer: options.signer,
    announce: () => following.manifest().announce?.message,
  });
  const fragments = openFragments(context, {
    keys,
    on,
    failed: complaining.failed,
    followers: () => {
      const announce = following.manifest().announce?.message;
      // Of a private stream they are strangers.
      if (announce === undefined || keys !== undefined) return [];
      return followersOf(context.mesh, announce);
    },
  });
  const waits = ({ signal }: { signal: AbortSignal }) => ({
    signal: AbortSignal.any([signal, until]),
  });

  return {
    async master({ signal, plays }) {
      const announce = await following.until(
        ({ first, end, announce }) => (end > first ? announce?.message : undefined),
        waits({ signal }),
      );
      const manifest = following.manifest();
      const entries = playable(manifest);
      const offered = Manifest.offered(manifest, announce, entries);
      return Hls.master(Manifest.variants(offered, entries, plays));
    },
    async playlist(track, { signal, atLeast = 0 }) {
      await following.until(
        (manifest) =>
          (manifest.end > atLeast && manifest.end > manifest.first) ||
          Manifest.complete(manifest) ||
          undefined,
        waits({ signal }),
      );
      const manifest = following.manifest();
      return Hls.media(Manifest.playlist(manifest, track, entriesWith(manifest, track)));
    },
    async bytes(track, what, seq, options) {
      return fragments.get({ ...trackAt(following.manifest(), track, seq), what }, options);
    },
    async close() {
      own.abort();
    },
  };
}

/** A stream's id as bytes, from lower-case hex. */
function idOf(stream: string): Uint8Array {
  if (/^[0-9a-f]{64}$/.test(stream)) return fromHex(stream);
  throw new ViewerError(
    { code: "VIEWER_STREAM", stream: stream.slice(0, 80) },
    `a stream id has 64 hexadecimal digits, got ${JSON.stringify(stream.slice(0, 80))}`,
  );
}

/** The entries that a playlist shows: all of a stream that is over, else the newest. */
function playable(manifest: Manifest.Manifest): readonly Entry[] {
  const all = Array.from({ length: manifest.end - manifest.first }, (_, i) => {
    const sealed = manifest.entries.get(manifest.first + i);
    return sealed?.message as Entry; // first to end is unbroken
  });
  return Manifest.complete(manifest) ? all : all.slice(-WINDOW);
}

/** The entries that a playlist shows; throws VIEWER_UNKNOWN where none of them has the track. */
function entriesWith(manifest: Manifest.Manifest, track: string): readonly Entry[] {
  const entries = playable(manifest);
  if (entries.some(({ tracks }) => tracks.some(({ name }) => name === track))) return entries;
  throw new ViewerError(
    { code: "VIEWER_UNKNOWN", track },
    `no track ${JSON.stringify(track.slice(0, 40))} in segments ${manifest.first} to ${manifest.end - 1}`,
  );
}

/** A segment's track; throws VIEWER_UNKNOWN where it is not in the manifest, VIEWER_GAP where nobody has it. */
function trackAt(
  { entries, first, end }: Manifest.Manifest,
  track: string,
  seq: number,
): Pick<Wish, "entry" | "track"> {
  const entry = entries.get(seq)?.message;
  const found = entry?.tracks.find(({ name }) => name === track);
  if (entry === undefined || found === undefined)
    throw new ViewerError(
      { code: "VIEWER_UNKNOWN", track, seq },
      `segment ${seq} of ${track} is not in the manifest, which has ${first} to ${end - 1}`,
    );
  if (found.gap)
    throw new ViewerError(
      { code: "VIEWER_GAP", track, seq },
      `segment ${seq} of ${track} is a gap: no worker delivered it in time`,
    );
  return { entry, track: found };
}
