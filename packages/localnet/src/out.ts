import { access, constants, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Rung, SourceInfo } from "@tabcast/media";
import * as Hls from "@tabcast/media/hls";
import { originalName } from "@tabcast/media/ladder";
import { CodedError, Frames, type Micros } from "@tabcast/runtime";
import type { RecordedSegment } from "./headless.ts";
import type { Plain, Report } from "./report.ts";

/** The folder for the ladder cannot be written, or was sent something that belongs to no track. */
export class OutError extends CodedError<
  /** The folder cannot be written. Do: give another with --out, or free space. */
  | { code: "OUT_UNWRITABLE"; folder: string }
  /** The page recorded a track that it never announced. Do: report it. */
  | { code: "OUT_UNKNOWN_TRACK"; track: string }
> {}

/** A ladder on disk, growing while the broadcast runs. A player may open it at any time. */
export interface Out {
  /** What the tracks are; before the first piece. */
  source(info: Plain<SourceInfo>, rungs: readonly Plain<Rung>[]): void;
  /** Writes a piece. Throws OUT_UNKNOWN_TRACK for one that is neither a rung nor `source` nor sound. */
  piece(track: string, seq: number, what: "init" | "media", bytes: Uint8Array): Promise<void>;
  /** Puts a segment, whose pieces are written, into the playlists. */
  segment(segment: RecordedSegment): Promise<void>;
  /** Ends every playlist. */
  end(): Promise<void>;
  report(report: Report): Promise<void>;
}

interface Piece {
  readonly seq: number;
  readonly duration: Micros;
  readonly bytes: number;
  readonly init: string;
}

/** A segment, whichever tracks it has. */
interface Span {
  readonly duration: Micros;
  /** Unix milliseconds. */
  readonly capturedAt: number;
}

interface Track {
  readonly folder: string;
  /** Each different init segment, in order of first use. */
  readonly inits: { readonly name: string; readonly bytes: Uint8Array }[];
  /** Of the segment on its way. */
  init: string;
  bytes: number;
  readonly codecs: Set<string>;
  readonly pieces: Piece[];
}

/** Everything of one broadcast that is in its folder. */
interface Ladder {
  readonly folder: string;
  readonly tracks: Map<string, Track>;
  /** Segments by sequence, in the order in which they came. */
  readonly spans: Map<number, Span>;
  /** Each track with a picture: what players call it, its pixels, and its frames per second. */
  readonly sizes: Map<string, Pick<Hls.Variant, "name" | "width" | "height" | "frameRate">>;
}

const sounds: readonly string[] = Hls.SOUND_TRACKS;

/** Like mkdir -p. Node's own recursive one never returns where a file system refuses with ENOENT, as /proc does. */
async function make(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => undefined)) !== undefined) return;
  if (dirname(folder) !== folder) await make(dirname(folder));
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

/** Makes sure that a folder is there and can be written. Throws OUT_UNWRITABLE. */
export async function checkFolder(folder: string): Promise<void> {
  try {
    await make(resolve(folder));
    await access(folder, constants.W_OK | constants.X_OK);
    if (!(await stat(folder)).isDirectory()) throw new Error("it is not a folder");
  } catch (cause) {
    throw new OutError(
      { code: "OUT_UNWRITABLE", folder },
      `cannot write to ${folder} (--out): ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** Opens a folder for one broadcast. Throws OUT_UNWRITABLE. */
export async function openOut(folder: string): Promise<Out> {
  await checkFolder(folder);
  await Promise.all(
    ["master.m3u8", "report.json"].map((name) => rm(join(folder, name), { force: true })),
  );
  const ladder: Ladder = { folder, tracks: new Map(), spans: new Map(), sizes: new Map() };
  /** Unix milliseconds at media time 0. A file is read faster than it plays, so the others' own times would not fit. */
  let epoch: number | undefined;
  return {
    source(info, rungs) {
      const { width, height, frameRate } = info;
      for (const rung of rungs) {
        const own = { width: rung.width, height: rung.height };
        const shown = { ...own, frameRate: Frames.rate(rung, frameRate) };
        ladder.sizes.set(rung.name, { name: rung.name, ...shown });
      }
      ladder.sizes.set("source", { name: originalName(info), width, height, frameRate });
    },
    async piece(name, seq, what, bytes) {
      const track = await openTrack(ladder, name);
      await (what === "media" ? takeMedia(track, seq, bytes) : takeInit(track, bytes));
    },
    async segment({ seq, start, duration, capturedAt, tracks: recorded }) {
      epoch ??= capturedAt - start / 1_000;
      ladder.spans.set(seq, { duration: duration as Micros, capturedAt: epoch + start / 1_000 });
      for (const { name, codecs } of recorded) {
        const track = ladder.tracks.get(name);
        if (track === undefined) continue;
        track.codecs.add(codecs);
        const { bytes, init } = track;
        track.pieces.push({ seq, duration: duration as Micros, bytes, init });
      }
      await writePlaylists(ladder, false);
    },
    end: () => writePlaylists(ladder, true),
    report: (report) => write(folder, "report.json", `${JSON.stringify(report, null, 2)}\n`),
  };
}

/** Written aside and moved: a player that reads at this moment sees the old text or the new one. */
async function write(folder: string, name: string, text: string): Promise<void> {
  const file = join(folder, name);
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** The track's folder, emptied when it is first asked for. Throws OUT_UNKNOWN_TRACK. */
async function openTrack({ folder, tracks, sizes }: Ladder, name: string): Promise<Track> {
  const held = tracks.get(name);
  if (held !== undefined) return held;
  if (!sounds.includes(name) && !sizes.has(name))
    throw new OutError(
      { code: "OUT_UNKNOWN_TRACK", track: name },
      `the broadcast recorded a track ${name} that it never announced`,
    );
  const track: Track = {
    folder: join(folder, name),
    inits: [],
    init: "",
    bytes: 0,
    codecs: new Set(),
    pieces: [],
  };
  tracks.set(name, track);
  await mkdir(track.folder, { recursive: true });
  // What an earlier run left would be served beside this one's.
  for (const old of await readdir(track.folder))
    if (/^(\d+\.m4s|init(-\d+)?\.mp4|index\.m3u8)$/.test(old)) await rm(join(track.folder, old));
  return track;
}

async function takeMedia(track: Track, seq: number, bytes: Uint8Array): Promise<void> {
  track.bytes = bytes.byteLength;
  await writeFile(join(track.folder, `${seq}.m4s`), bytes);
}

async function takeInit(track: Track, bytes: Uint8Array): Promise<void> {
  const same = track.inits.find((init) => Buffer.compare(init.bytes, bytes) === 0);
  track.init =
    same?.name ?? (track.inits.length === 0 ? "init.mp4" : `init-${track.inits.length + 1}.mp4`);
  if (same !== undefined) return;
  track.inits.push({ name: track.init, bytes });
  await writeFile(join(track.folder, track.init), bytes);
}

function playlist({ spans }: Ladder, track: Track, ended: boolean): string {
  const held = new Map(track.pieces.map((piece) => [piece.seq, piece]));
  const pieces = [...spans].map(([seq, span]): Hls.Piece => {
    const uri = `${seq}.m4s`;
    const piece = held.get(seq);
    return piece === undefined
      ? { uri, ...span, gap: true }
      : { uri, ...span, init: { uri: piece.init, id: piece.init } };
  });
  return Hls.media({ kind: ended ? "vod" : "event", pieces, ended });
}

function master({ tracks, sizes }: Ladder): string {
  const found = (name: string) => {
    const track = tracks.get(name);
    const codecs = Hls.strictest([...(track?.codecs ?? [])]);
    if (track === undefined || codecs === undefined) return [];
    return [{ uri: `${name}/index.m3u8`, codecs, bandwidth: Hls.bandwidthOf(track.pieces) }];
  };
  return Hls.master({
    variants: [...sizes].flatMap(([folder, size]) =>
      found(folder).map((track) => ({ ...track, ...size })),
    ),
    audio: sounds.flatMap((group) => found(group).map((track) => ({ ...track, group }))),
  });
}

async function writePlaylists(ladder: Ladder, ended: boolean): Promise<void> {
  const { folder, tracks } = ladder;
  await Promise.all(
    [...tracks].map(([name, track]) =>
      write(folder, join(name, "index.m3u8"), playlist(ladder, track, ended)),
    ),
  );
  // Last, so that what it names is there.
  if (tracks.size > 0) await write(folder, "master.m3u8", master(ladder));
}
