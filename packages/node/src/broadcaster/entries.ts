import { createAacTwin, type Fragment } from "@tabcast/media";
import type { Entry, Loose } from "@tabcast/protocol";
import { toHex } from "@tabcast/runtime";
import type { BlobStore } from "../blob-store.ts";
import { holdBoth, type OfTrack, openHolding } from "../holding.ts";
import type { StreamContext } from "./context.ts";
import { hashes } from "./delivery.ts";
import type { Whole } from "./outcome.ts";
import type { Publisher } from "./publisher.ts";
import type { PublishedSegment } from "./types.ts";

export interface EntriesOptions {
  /** Opus sound gets a twin in AAC. */
  readonly aac: boolean;
  /** What viewers get from here. */
  readonly blobs: BlobStore;
  readonly publisher: Publisher;
  /** Told why the sound has no AAC twin. */
  readonly failed: (error: unknown) => void;
  /** Fires when no segment more will come. */
  readonly ended: AbortSignal;
}

/** A segment that viewers can ask for. */
export interface Added {
  readonly whole: PublishedSegment;
  readonly entry: Entry;
  readonly gaps: readonly string[];
}

/** Makes entries of segments: their tracks, who holds them, what is a gap. */
export interface Entries {
  /** Holds a segment's bytes and publishes its entry; what it has, and the rungs that are missing. */
  add(made: Whole): Promise<Added>;
}

/** A fragment that was hashed when it came here, or was made here. */
type Hashed = Fragment & Awaited<ReturnType<typeof hashes>>;
type Tracks = Loose<Entry>["tracks"][number][];

export function openEntries(
  { mesh, rungs, secrets, signal }: Pick<StreamContext, "mesh" | "rungs" | "secrets" | "signal">,
  options: EntriesOptions,
): Entries {
  const { blobs, publisher, failed, ended } = options;
  const holding = openHolding(secrets);
  const twin = options.aac ? createAacTwin() : undefined;
  ended.addEventListener("abort", () => twin?.close(), { once: true });

  /** The tracks of a segment's sound. A twin that cannot be made is missed by few, so the stream goes on without it. */
  async function soundsOf(audio: Fragment | undefined): Promise<(Fragment & { name: string })[]> {
    if (audio === undefined) return [];
    const own = { ...audio, name: "audio" };
    if (twin === undefined || audio.codecs !== "opus") return [own];
    const made = await twin.add(audio, { signal }).catch(failed);
    return made ? [own, { ...made, name: "audio-aac" }] : [own];
  }

  /** Holds a track's bytes for viewers, in the form that its workers hold them in as well. */
  async function hold(of: OfTrack, fragment: Hashed, holders: number[]): Promise<Tracks[number]> {
    const { codecs, frames } = fragment;
    const { init, media } = await holdBoth(holding, fragment, of);
    const { initHash, mediaHash } =
      secrets === undefined ? fragment : await hashes({ init, media });
    blobs.put(toHex(initHash), init);
    blobs.put(toHex(mediaHash), media);
    const sizes = { initLen: init.byteLength, mediaLen: media.byteLength };
    const { track: name } = of;
    return { name, codecs, initHash, mediaHash, ...sizes, frames, holders, gap: false };
  }

  return {
    async add({ segment, by, addrs, renditions, unasked }) {
      const { seq, start, duration, capturedAt, video, initHash, mediaHash } = segment;
      const audio = await segment.audio;
      const remote = by !== undefined && by !== "local";
      const both = remote ? [1, 0] : [0];
      const tracks: Tracks = await Promise.all(
        rungs.map(async ({ name }) => {
          const of = { seq, track: name };
          const rendition = renditions.find((one) => one.rung === name);
          if (rendition !== undefined) return hold(of, rendition, both);
          const own = unasked.renditions.find((one) => one.rung === name);
          return own === undefined ? gapOf(name) : hold(of, own, [0]);
        }),
      );
      const source = { ...video, initHash, mediaHash };
      tracks.push(await hold({ seq, track: "source" }, source, both));
      const sounds = await soundsOf(audio);
      for (const { name, ...sound } of sounds)
        tracks.push(await hold({ seq, track: name }, { ...sound, ...(await hashes(sound)) }, [0]));
      const here = { peer: mesh.self, addrs: mesh.addrs().slice(0, 2) };
      const there = remote ? [{ peer: by, addrs }] : [];
      const entry = await publisher.publish({
        seq,
        startUs: start,
        durationUs: duration,
        capturedMs: Math.round(capturedAt),
        holders: [here, ...there],
        tracks,
      });
      const all = [
        ...everyRung(renditions, unasked.renditions).map((one) => ({ ...one, name: one.rung })),
        { ...video, name: "source" },
        ...sounds,
      ];
      return {
        whole: { seq, start, duration, capturedAt, tracks: all },
        entry,
        gaps: tracks.filter(({ gap }) => gap).map(({ name }) => name),
      };
    },
  };
}

/** A rung that both made counts as the worker's, which is paid for it. */
const everyRung = (theirs: Whole["renditions"], own: Whole["renditions"]) => [
  ...theirs,
  ...own.filter(({ rung }) => !theirs.some((one) => one.rung === rung)),
];

const gapOf = (name: string) => ({
  name,
  codecs: "",
  initHash: new Uint8Array(0),
  mediaHash: new Uint8Array(0),
  initLen: 0,
  mediaLen: 0,
  frames: 0,
  holders: [],
  gap: true,
});
