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
export const ASK_EVERY_MS = 2_500;
const ASK_SOON_MS = 1_000;
/** Relays and neighbours whose lists are read. */
const MOST_LISTS = 16;
/** A relay that did not answer is not asked for so long, in milliseconds: it may cost five seconds each time. */
const MUTE_MS = 15_000;
/** Nobody has been on the air for longer than this before he was first heard of, in milliseconds. */
const LONGEST_MS = 24 * 3_600_000;

interface List {
  /** Where its next page begins. */
  readonly from: number;
  /** Streams that it has, and how many of them the last page had. */
  readonly total: number;
  readonly size: number;
}

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
  /** Until when a relay that did not answer is not asked. */
  const mute = new BoundedMap<PeerId, number>(MOST_LISTS);
  /** How far each list was read: they are of different order, and what is on one page of one may be on any of another. */
  const lists = new BoundedMap<PeerId, List>(MOST_LISTS);
  /** How long a stream may be unheard of: until the last of the lists was read once more, by its size. */
  const silentMs = () => {
    const pages = [...lists.values()].map(({ total, size }) => Math.ceil(total / size));
    return ANNOUNCE_TTL_MS + Math.max(0, ...pages) * mesh.relays().length * ASK_EVERY_MS;
  };
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
    if (announce.unlisted) return; // whoever lists it does what its stream forbids
    const id = toHex(announce.stream);
    const before = known.get(id);
    if (before !== undefined && before.announce.atMs >= announce.atMs) return;
    const since = before?.since ?? clock.unix();
    known.set(id, { announce, heard: clock.now(), since });
  }

  /** Reads the next page of a list. */
  async function askOne(source: PeerId): Promise<void> {
    const { from = 0 } = lists.get(source) ?? {};
    const request = { streams: [], from, most: MAX_LIVE };
    const { announces, total: all } = await askLive({ mesh, clock, signal }, source, request);
    const total = Math.max(Math.min(all, MOST_STREAMS), announces.length);
    // Large ones fill a page before there are 32 of them.
    const next = from + announces.length;
    const goesOn = announces.length > 0 && next < total;
    lists.set(source, { from: goesOn ? next : 0, total, size: announces.length || MAX_LIVE });
    // What does not open has cost its size and a signature check.
    for (const sealed of announces) await take(sealed.slice()).catch(() => {});
  }

  /** Asks the relay whose turn it is, or the next one that answers; without a relay, some neighbours. */
  async function askInTurn(turn: number): Promise<void> {
    const sources = sourcesOf(mesh, random);
    if (mesh.relays().length === 0)
      return void (await Promise.allSettled(sources.map((source) => askOne(source))));
    const first = turn % sources.length;
    const order = [...sources.slice(first), ...sources.slice(0, first)];
    const heard = order.filter((one) => (mute.get(one) ?? 0) <= clock.now());
    for (const source of heard.length > 0 ? heard : order)
      try {
        return await askOne(source);
      } catch {
        signal.throwIfAborted();
        mute.set(source, clock.now() + MUTE_MS);
      }
  }

  void (async () => {
    for (let turn = 0; ; turn++) {
      await askInTurn(turn);
      tell();
      await clock.sleep(known.size === 0 ? ASK_SOON_MS : ASK_EVERY_MS, { signal });
    }
  })().catch(() => {}); // the signal ended it
}
