import * as Hls from "@tabcast/media/hls";
import {
  type Announce,
  Entry,
  LIMITS,
  MAX_MANIFEST_ENTRIES,
  ManifestReply,
  type ManifestRequest,
} from "@tabcast/protocol";
import { equalBytes, type Micros, toHex } from "@tabcast/runtime";

/** A message together with the envelope it came in, to pass on byte for byte. */
export interface Sealed<T> {
  readonly message: T;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

/**
 * What is known of one stream. Authority: the broadcaster's signatures; this is a cache of them, bounded to the newest `MOST_ENTRIES`.
 * Never falls: `announce.atMs`, `end`. Immutable; every function returns the next one.
 */
export interface Manifest {
  readonly announce?: Sealed<Announce>;
  readonly entries: ReadonlyMap<number, Sealed<Entry>>;
  /** First sequence that can be played. */
  readonly first: number;
  /** One past the last sequence of the unbroken run that starts at `first`. */
  readonly end: number;
  /** By sequence, an entry that is not the one that counts, and signed like it: proofs against the broadcaster, the first ones. */
  readonly conflicts: ReadonlyMap<number, Sealed<Entry>>;
}

/** Proofs kept: one says as much as many. */
const MOST_CONFLICTS = 16;
/** Entries kept: an hour of two-second segments. */
export const MOST_ENTRIES = 1_800;
/** A hole is jumped over once this many entries beyond it are known. */
const HOLE_PATIENCE = 4;

export const emptyManifest: Manifest = {
  entries: new Map(),
  first: 0,
  end: 0,
  conflicts: new Map(),
};

/** Takes an announcement if it is newer than the one known. */
export function announced(manifest: Manifest, next: Sealed<Announce>): Manifest {
  const known = manifest.announce;
  if (known !== undefined && known.message.atMs >= next.message.atMs) return manifest;
  return { ...manifest, announce: next };
}

/** Takes an entry. The first one ever taken for a sequence stays; another one is kept as a proof. */
export function entered(manifest: Manifest, next: Sealed<Entry>): Manifest {
  const { seq } = next.message;
  const held = manifest.entries.get(seq);
  if (held !== undefined) return contradicted(manifest, held, next);
  if (manifest.entries.size > 0 && seq < manifest.first) return manifest;
  const entries = new Map(manifest.entries).set(seq, next);
  let first = manifest.entries.size === 0 ? seq : manifest.first;
  if (entries.size > MOST_ENTRIES) {
    entries.delete(first);
    first++;
  }
  let end = manifest.entries.size === 0 ? seq : Math.max(manifest.end, first);
  while (entries.has(end)) end++;
  const beyond = [...entries.keys()].filter((known) => known > end).sort((a, b) => a - b);
  const after = beyond[0];
  if (after !== undefined && beyond.length >= HOLE_PATIENCE) {
    // Playback restarts beyond the hole, which players treat as a live window that moved.
    for (const known of entries.keys()) if (known < after) entries.delete(known);
    first = after;
    end = after;
    while (entries.has(end)) end++;
  }
  return { ...manifest, entries, first, end };
}

function contradicted(manifest: Manifest, held: Sealed<Entry>, next: Sealed<Entry>): Manifest {
  const { conflicts } = manifest;
  const { seq } = next.message;
  if (equalBytes(held.sealed, next.sealed)) return manifest;
  if (conflicts.has(seq) || conflicts.size >= MOST_CONFLICTS) return manifest;
  // The same words in another envelope contradict nothing.
  if (equalBytes(Entry.encode(held.message), Entry.encode(next.message))) return manifest;
  return { ...manifest, conflicts: new Map(conflicts).set(seq, next) };
}

/** The lowest sequence that is missing although a later one, or the announcement, proves it exists; or undefined. */
export function missing(manifest: Manifest): number | undefined {
  const newest = Math.max(
    -1,
    (manifest.announce?.message.newest ?? 0) - 1,
    ...manifest.entries.keys(),
  );
  return manifest.end <= newest ? manifest.end : undefined;
}

/** True once the broadcaster has said it ended and every entry up to there is known. */
export function complete(manifest: Manifest): boolean {
  const last = manifest.announce?.message;
  return last?.ended === true && manifest.end >= last.newest;
}

/** Names of the tracks of an entry that nobody holds. */
export const gapsOf = (entry: Entry): string[] =>
  entry.tracks.filter((track) => track.gap).map((track) => track.name);

/** Answers a ManifestRequest from what is known: entries from `from` on, as many as fit one reply. */
export function reply(
  manifest: Manifest,
  { from, most }: ManifestRequest,
): Uint8Array<ArrayBuffer> {
  const announce = manifest.announce?.sealed ?? new Uint8Array(0);
  const entries: Uint8Array<ArrayBuffer>[] = [];
  let room = LIMITS.ManifestReply - announce.byteLength - 64;
  for (let seq = Math.max(from, manifest.first); seq < manifest.end; seq++) {
    const sealed = manifest.entries.get(seq)?.sealed;
    if (sealed === undefined || entries.length >= Math.min(most, MAX_MANIFEST_ENTRIES)) break;
    room -= sealed.byteLength + 8; // the field's tag and length
    if (room < 0) break;
    entries.push(sealed);
  }
  return ManifestReply.encode({ announce, entries });
}

const tracksOf = (entries: readonly Entry[], name: string) =>
  entries.flatMap(({ durationUs, tracks }) =>
    tracks
      .filter((track) => track.name === name && !track.gap)
      .map((track) => ({ track, bytes: track.mediaLen, duration: durationUs as Micros })),
  );

/** The announcement; once the stream is over, without the rungs that none of its segments has: nobody was asked for them, and they cannot come back. */
export function offered(
  manifest: Manifest,
  announce: Announce,
  entries: readonly Entry[],
): Announce {
  if (!complete(manifest)) return announce;
  const rungs = announce.rungs.filter(({ name }) => tracksOf(entries, name).length > 0);
  return { ...announce, rungs };
}

const folder = (track: string) => `${encodeURIComponent(track)}/index.m3u8`;

/**
 * The multivariant playlist's content, from the announced ladder and what its segments measure; the lowest rung first.
 * Of the sound, the first coding that `plays` takes, by its RFC 6381 string; without `plays`, all there are.
 */
export function variants(
  announce: Announce,
  entries: readonly Entry[],
  plays?: (codecs: string) => boolean,
): Hls.Master {
  const sounds = Hls.SOUND_TRACKS.flatMap((name): Hls.AudioRendition[] => {
    const found = tracksOf(entries, name);
    const codecs = Hls.strictest(found.map(({ track }) => track.codecs));
    if (codecs === undefined) return [];
    return [{ group: name, uri: folder(name), codecs, bandwidth: Hls.bandwidthOf(found) }];
  });
  const audio = plays ? sounds.filter(({ codecs }) => plays(codecs)).slice(0, 1) : sounds;
  const ladder = announce.rungs.flatMap(({ name }) => tracksOf(entries, name));
  const rungs = [...announce.rungs, announce.source].flatMap(({ name, width, height, bitrate }) => {
    const own = tracksOf(entries, name);
    // A rung that is all gaps just now may come back: it is offered as announced, coded like its neighbours.
    const found = own.length > 0 ? own : ladder;
    const codecs = Hls.strictest(found.map(({ track }) => track.codecs));
    if (codecs === undefined) return [];
    const frames = found.reduce((sum, { track }) => sum + track.frames, 0);
    const frameRate = (frames * 1e6) / found.reduce((sum, { duration }) => sum + duration, 0);
    const bandwidth = own.length > 0 ? Hls.bandwidthOf(own) : { peak: bitrate, average: bitrate };
    return [{ uri: folder(name), codecs, width, height, frameRate, bandwidth, name }];
  });
  return { variants: rungs.sort((a, b) => a.bandwidth.average - b.bandwidth.average), audio };
}

/** A media playlist's content for these entries, which must follow on from each other. */
export function playlist(
  manifest: Manifest,
  name: string,
  entries: readonly Entry[],
): Hls.Playlist {
  const ended = complete(manifest);
  const segmentMs = manifest.announce?.message.segmentMs ?? 2_000;
  // Of all that is known, not of the entries shown: a target that shrinks as the window moves is against the standard.
  const longest = [...manifest.entries.values()].reduce(
    (most, { message }) => Math.max(most, message.durationUs),
    segmentMs * 1_000,
  );
  return {
    kind: "live",
    first: entries[0]?.seq ?? 0,
    ended,
    target: longest as Micros,
    canBlockReload: true,
    pieces: entries.map(({ seq, durationUs, capturedMs, tracks }) => {
      const track = tracks.find((one) => one.name === name && !one.gap);
      return {
        uri: `${seq}.m4s`,
        duration: durationUs as Micros,
        capturedAt: capturedMs,
        ...(track === undefined
          ? { gap: true }
          : { init: { uri: `init-${seq}.mp4`, id: toHex(track.initHash) } }),
      };
    }),
  };
}
