import type { Fragment } from "@tabcast/media";
import type { Entry, Holder, Loose } from "@tabcast/protocol";
import { toHex } from "@tabcast/runtime";
import type { BlobStore } from "../blob-store.ts";
import { holdBoth, type OfTrack, openHolding } from "../holding.ts";
import type { StreamContext } from "./context.ts";
import { type Captured, hashes } from "./delivery.ts";
import type { Whole } from "./outcome.ts";
import type { Publisher } from "./publisher.ts";
import { openSounds, type Pass, type SoundHolder } from "./sounds.ts";
import type { PublishedSegment } from "./types.ts";

export interface EntriesOptions {
  /** Opus sound gets a twin in AAC. */
  readonly aac: boolean;
  /** Gives a sound to some of the crew. Default: this tab alone holds it. */
  readonly pass?: Pass | undefined;
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
  /** To be told of a segment as soon as it is complete: its sound is made and passed on meanwhile. */
  captured(segment: Captured): void;
  /** Holds a segment's bytes and publishes its entry; what it has, and the rungs that are missing. */
  add(made: Whole): Promise<Added>;
}

/** A fragment that was hashed when it came here, or was made here. */
type Hashed = Fragment & Awaited<ReturnType<typeof hashes>>;
type Tracks = Loose<Entry>["tracks"][number][];

export function openEntries(
  context: Pick<StreamContext, "mesh" | "clock" | "rungs" | "secrets" | "signal">,
  options: EntriesOptions,
): Entries {
  const { mesh, rungs, secrets } = context;
  const { blobs, publisher } = options;
  const holding = openHolding(secrets);
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

  const sounds = openSounds(context, {
    ...options,
    async hold(of, fragment) {
      const track = await hold(of, { ...fragment, ...(await hashes(fragment)) }, []);
      const kept = (hash: Uint8Array) => blobs.get(toHex(hash)) ?? new Uint8Array(0);
      return { track, init: kept(track.initHash), media: kept(track.mediaHash) };
    },
  });

  return {
    captured: sounds.take,
    async add({ segment, by, addrs, renditions, unasked }) {
      const { seq, start, duration, capturedAt, video, initHash, mediaHash } = segment;
      const heard = await sounds.of(segment);
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
      const here = { peer: mesh.self, addrs: mesh.addrs().slice(0, 2) };
      const holders: Holder[] = [here, ...(remote ? [{ peer: by, addrs: [...addrs] }] : [])];
      for (const { track, heldBy } of heard)
        tracks.push({ ...track, holders: [...indices(heldBy, holders), 0] });
      const entry = await publisher.publish({
        seq,
        startUs: start,
        durationUs: duration,
        capturedMs: Math.round(capturedAt),
        holders,
        tracks,
      });
      const all = [
        ...everyRung(renditions, unasked.renditions).map((one) => ({ ...one, name: one.rung })),
        { ...video, name: "source" },
        ...heard.map(({ fragment }) => fragment),
      ];
      return {
        whole: { seq, start, duration, capturedAt, tracks: all },
        entry,
        gaps: tracks.filter(({ gap }) => gap).map(({ name }) => name),
      };
    },
  };
}

/** Where these stand among an entry's holders; who is not there yet is added. */
function indices(peers: readonly SoundHolder[], holders: Holder[]): number[] {
  return peers.map(({ peer, addrs }) => {
    const at = holders.findIndex((holder) => holder.peer === peer);
    if (at >= 0) return at;
    return holders.push({ peer, addrs: [...addrs] }) - 1;
  });
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
