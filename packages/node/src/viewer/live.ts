import type { Mesh, PeerId } from "@tabcast/mesh";
import { ANNOUNCE_TTL_MS, type Announce, Clocks, MAX_LIVE, openAnnounce } from "@tabcast/protocol";
import { BoundedMap, secureRandom, steadyTime, systemClock, toHex } from "@tabcast/runtime";
import type { Outside } from "../context.ts";
import { asRungs } from "../wire.ts";
import { askLive, sourcesOf } from "./asking.ts";
import type { LiveStream } from "./types.ts";

/** Streams that are asked for of one relay's list: its first ones, which are of as many voices as there are. */
const MOST_STREAMS = 1_024;

/** A page of the list is asked for so often, in milliseconds: 32 announcements in 2.5 s are 93 kbit/s; while none is known. */
const ASK_EVERY_MS = 2_500;
const ASK_SOON_MS = 1_000;
/** Nobody has been on the air for longer than this before he was first heard of, in milliseconds. */
const LONGEST_MS = 24 * 3_600_000;

interface Known {
  readonly announce: Announce;
  readonly heard: number;
  /** When it was first heard of, Unix milliseconds. */
  readonly since: number;
}

/** What a page shows of an announcement; `since`: when the stream was first heard of, Unix milliseconds, where that is known. */
export function liveStream(announce: Announce, since?: number): LiveStream {
  const { title, codec, audio, segmentMs, newest, ended } = announce;
  const startedMs =
    since === undefined
      ? announce.startedMs
      : Math.min(Math.max(announce.startedMs, since - LONGEST_MS), since);
  const [source] = asRungs([announce.source]);
  return {
    stream: toHex(announce.stream),
    title,
    codec,
    rungs: asRungs(announce.rungs),
    source: source as LiveStream["source"],
    audio,
    segmentMs,
    startedAt: startedMs,
    newest,
    ended,
  };
}

export type LiveOptions = Pick<Outside, "clock" | "random" | "signal">;

/**
 * Calls `on` with all streams on the air, the longest running first, whenever one appears, changes or falls silent. Asks a page
 * of a relay's list at a time, of the relays in turn, so that what it costs does not grow with the list.
 */
export function liveStreams(
  mesh: Mesh,
  on: (streams: readonly LiveStream[]) => void,
  { clock = systemClock, random = secureRandom, signal }: LiveOptions,
): void {
  const clocks = new Clocks();
  const time = steadyTime(clock);
  const known = new BoundedMap<string, Known>(2 * MOST_STREAMS);
  /** Streams of all relays' lists at most; the next page begins at `from`. */
  let total = 0;
  let from = 0;

  /** Everybody is asked again within the time that the whole list takes. */
  const silentMs = () => ANNOUNCE_TTL_MS + Math.ceil(total / MAX_LIVE) * ASK_EVERY_MS;
  const tell = () => {
    const now = clock.now();
    for (const [id, { heard }] of known) if (now - heard > silentMs()) known.delete(id);
    on(
      [...known.values()]
        .filter(({ announce }) => !announce.ended)
        .map(({ announce, since }) => liveStream(announce, since))
        .sort((a, b) => a.startedAt - b.startedAt),
    );
  };

  async function take(sealed: Uint8Array): Promise<void> {
    const announce = await openAnnounce(sealed, { now: time(), clocks });
    const id = toHex(announce.stream);
    const before = known.get(id);
    if (before !== undefined && before.announce.atMs >= announce.atMs) return;
    const since = before?.since ?? clock.unix();
    known.set(id, { announce, heard: clock.now(), since });
  }

  async function askOne(source: PeerId): Promise<void> {
    const page = await askLive({ mesh, clock, signal }, source, {
      streams: [],
      from,
      most: MAX_LIVE,
    });
    total = Math.max(Math.min(page.total, MOST_STREAMS), page.announces.length);
    // What does not open has cost its size and a signature check.
    for (const sealed of page.announces) await take(sealed.slice()).catch(() => {});
  }

  void (async () => {
    for (let turn = 0; ; turn++) {
      const sources = sourcesOf(mesh, random);
      const relay = mesh.relays().length > 0 ? sources[turn % sources.length] : undefined;
      const asked = relay === undefined ? sources : [relay];
      await Promise.all(asked.map((source) => askOne(source).catch(() => {})));
      from = from + MAX_LIVE < total ? from + MAX_LIVE : 0;
      tell();
      await clock.sleep(known.size === 0 ? ASK_SOON_MS : ASK_EVERY_MS, { signal });
    }
  })().catch(() => {}); // the signal ended it
}
