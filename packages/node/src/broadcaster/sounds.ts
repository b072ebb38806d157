import type { Crew } from "@tabcast/market";
import { createAacTwin, type Fragment } from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import { type Entry, Hold, HoldReply, type Loose, PROTOCOLS, type Track } from "@tabcast/protocol";
import { BoundedMap, type Bytes, concatBytes } from "@tabcast/runtime";
import type { OfTrack } from "../holding.ts";
import type { StreamContext } from "./context.ts";
import type { Captured } from "./delivery.ts";

/** Workers that get each segment's sound: so often it leaves, and one of them may leave. */
const MOST_HOLDERS = 2;
/** How long one may take to have it, in milliseconds. */
const PASS_MS = 3_000;
/** How long publishing a segment waits for those who get its sound, in milliseconds: they had it while the pictures were made. */
const WAIT_MS = 300;
/** Segments whose sound is ready before they are published. */
const MOST_AHEAD = 64;

/** The sound of a segment as viewers get it. */
export interface Sound {
  readonly seq: number;
  readonly track: Pick<Loose<Track>, "initHash" | "mediaHash">;
  readonly init: Uint8Array;
  readonly media: Uint8Array;
}

/** Who has it, and where. */
export interface SoundHolder {
  readonly peer: PeerId;
  readonly addrs: readonly string[];
}

export interface PassingOptions {
  readonly crew: () => readonly Crew.Member[];
  readonly addrs: (worker: PeerId) => readonly string[];
}

/** Gives a segment's sound to two of the crew, in turn; each resolves with whoever has it, or nobody. */
export type Pass = (sound: Sound) => readonly Promise<readonly SoundHolder[]>[];

export function openPassing(
  { mesh, clock, signal }: Pick<StreamContext, "mesh" | "clock" | "signal">,
  { crew, addrs }: PassingOptions,
): Pass {
  async function give(
    { worker, award, epoch }: Crew.Member,
    { seq, track, init, media }: Sound,
  ): Promise<SoundHolder[]> {
    const { initHash, mediaHash } = track;
    const sizes = { initLen: init.byteLength, mediaLen: media.byteLength };
    const message = {
      head: Hold.encode({ award, epoch, seq, ...sizes, initHash, mediaHash }),
      body: concatBytes(init, media),
    };
    // One address each: an entry has room for few.
    const where = addrs(worker).slice(0, 1);
    const waits = { signal: AbortSignal.any([signal, clock.timeout(PASS_MS)]), addrs: where };
    const bounded = { ...waits, maxBody: 0 as Bytes };
    for await (const { head } of mesh.request(worker, PROTOCOLS.hold, message, bounded))
      return HoldReply.decode(head).ok ? [{ peer: worker, addrs: where }] : [];
    return [];
  }

  return (sound) => {
    const all = crew().filter(({ worker, state }) => state === "hired" && worker !== mesh.self);
    const chosen = Array.from(
      { length: Math.min(MOST_HOLDERS, all.length) },
      (_, i) => all[(sound.seq + i) % all.length] as Crew.Member,
    );
    // Who does not take it is not named for it: this tab has it all the same.
    return chosen.map((member) => give(member, sound).catch(() => []));
  };
}

/** One coding of a segment's sound, and who beside this tab holds it. */
export interface Heard {
  readonly fragment: Fragment & { readonly name: string };
  readonly track: Loose<Entry>["tracks"][number];
  readonly heldBy: readonly SoundHolder[];
}

export interface SoundsOptions {
  /** Opus sound gets a twin in AAC. */
  readonly aac: boolean;
  readonly pass?: Pass | undefined;
  /** Holds a sound for viewers: its track, and its bytes as they get them. */
  readonly hold: (
    of: OfTrack,
    fragment: Fragment,
  ) => Promise<Omit<Sound, "seq" | "track"> & Pick<Heard, "track">>;
  /** Told why the sound has no AAC twin. */
  readonly failed: (error: unknown) => void;
  /** Fires when no segment more will come. */
  readonly ended: AbortSignal;
}

/** Makes and passes on the sound of segments, while their pictures are being made. */
export interface Sounds {
  take(segment: Captured): void;
  /** Its codings; none where there is no sound. Rejects where the source ended badly before. */
  of(segment: Captured): Promise<readonly Heard[]>;
}

export function openSounds(
  { clock, signal }: Pick<StreamContext, "clock" | "signal">,
  { aac, pass = () => [], hold, failed, ended }: SoundsOptions,
): Sounds {
  const twin = aac ? createAacTwin() : undefined;
  ended.addEventListener("abort", () => twin?.close(), { once: true });
  const ready = new BoundedMap<number, ReturnType<typeof make>>(MOST_AHEAD);
  /** A twin is made of one segment after the other. */
  let before: Promise<unknown> = Promise.resolve();

  /** A twin that cannot be made is missed by few, so the stream goes on without it. */
  async function codings(audio: Fragment | undefined): Promise<Heard["fragment"][]> {
    if (audio === undefined) return [];
    const own = { ...audio, name: "audio" };
    if (twin === undefined || audio.codecs !== "opus") return [own];
    const made = await twin.add(audio, { signal }).catch(failed);
    return made ? [own, { ...made, name: "audio-aac" }] : [own];
  }

  async function make({ seq, audio }: Captured, after: Promise<unknown>) {
    await after.catch(() => {});
    const all = await codings(await audio);
    return Promise.all(
      all.map(async (fragment) => {
        const { track, init, media } = await hold({ seq, track: fragment.name }, fragment);
        return { fragment, track, passed: pass({ seq, track, init, media }) };
      }),
    );
  }

  function taken(segment: Captured): ReturnType<typeof make> {
    const known = ready.get(segment.seq);
    if (known !== undefined) return known;
    const making = make(segment, before);
    making.catch(() => {}); // whoever publishes it is told
    before = making;
    ready.set(segment.seq, making);
    return making;
  }

  return {
    take: (segment) => void taken(segment),
    async of(segment) {
      const made = await taken(segment);
      ready.delete(segment.seq);
      if (made.length === 0) return [];
      const late = clock.sleep(WAIT_MS, { signal }).then(() => []);
      late.catch(() => {}); // the signal ended it
      // One that takes its time keeps nobody from naming the other.
      const inTime = (passed: ReturnType<Pass>) =>
        Promise.all(passed.map((one) => Promise.race([one, late])));
      return Promise.all(
        made.map(async ({ fragment, track, passed }) => ({
          fragment,
          track,
          heldBy: (await inTime(passed)).flat(),
        })),
      );
    },
  };
}
