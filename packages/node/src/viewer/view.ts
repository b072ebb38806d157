import * as Hls from "@tabcast/media/hls";
import {
  Clocks,
  type Entry,
  LIVE_TOPIC,
  MAX_MANIFEST_ENTRIES,
  ManifestReply,
  ManifestRequest,
  openAnnounce,
  openEntry,
  PROTOCOLS,
  streamTopic,
  type Track,
} from "@tabcast/protocol";
import { type Bytes, CodedError, equalBytes, fromHex, systemClock, toHex } from "@tabcast/runtime";
import { answer, ask, openFetcher, serveHeld } from "../exchange.ts";
import { openHeld } from "../held.ts";
import * as Manifest from "../manifest.ts";
import { openBell } from "../queue.ts";
import type { Viewer, ViewerOptions } from "../types.ts";
import { liveStream } from "./live.ts";

export { liveStreams } from "./live.ts";

/** Segments a live playlist shows: enough to pause for a minute. */
const WINDOW = 30;
/** Segments asked for when joining a stream under way. */
const JOIN = 8;
/** Bytes a viewer keeps for itself and for others. */
const HELD = (128 * 2 ** 20) as Bytes;

/** Why a viewer cannot give what its player asks for. */
export type ViewerReason =
  /** The stream's id is not 64 hexadecimal digits. Do: copy the link again. */
  | { code: "VIEWER_STREAM"; stream: string }
  /** Nobody delivered this segment at this rung in time. Do: nothing; players pass over it. */
  | { code: "VIEWER_GAP"; track: string; seq: number }
  /** The manifest has no such track or segment now. Do: ask for one that the playlist lists. */
  | { code: "VIEWER_UNKNOWN"; track: string; seq?: number };
export class ViewerError extends CodedError<ViewerReason> {}

/** Follows a stream until `signal` fires or `close` is called. Throws VIEWER_STREAM if the id is not 64 hex digits. */
export function view({ mesh, stream, on, clock = systemClock, signal }: ViewerOptions): Viewer {
  if (!/^[0-9a-f]{64}$/.test(stream))
    throw new ViewerError(
      { code: "VIEWER_STREAM", stream: stream.slice(0, 80) },
      `a stream id has 64 hexadecimal digits, got ${JSON.stringify(stream.slice(0, 80))}`,
    );
  const id = fromHex(stream);
  const own = new AbortController();
  const until = AbortSignal.any([signal, own.signal]);
  const held = openHeld(HELD);
  const bell = openBell();
  let manifest = Manifest.emptyManifest;
  const clocks = new Clocks();
  let heardAt = clock.now();
  let over = false;

  const fetcher = openFetcher(mesh, clock);

  const changed = () => {
    bell.wake();
    if (over || !Manifest.complete(manifest)) return;
    over = true;
    on({ type: "ended" });
  };

  async function takeAnnounce(sealed: Uint8Array<ArrayBuffer>): Promise<void> {
    const message = await openAnnounce(sealed, { now: clock.unix(), clocks });
    if (!equalBytes(message.stream, id)) return;
    const before = manifest;
    manifest = Manifest.announced(manifest, { message, sealed });
    if (manifest === before) return;
    on({ type: "announced", live: liveStream(message) });
    changed();
  }

  async function takeEntry(sealed: Uint8Array<ArrayBuffer>): Promise<void> {
    const message = await openEntry(sealed);
    if (!equalBytes(message.stream, id)) return;
    const before = manifest;
    manifest = Manifest.entered(manifest, { message, sealed });
    if (manifest === before) return;
    heardAt = clock.now();
    on({ type: "entry", seq: message.seq, gaps: Manifest.gapsOf(message) });
    changed();
  }

  // What does not open is somebody else's rubbish on a shared topic; it has cost its size and one signature check.
  const take = (body: Uint8Array, open: (sealed: Uint8Array<ArrayBuffer>) => Promise<void>) => {
    open(body.slice()).catch(() => {});
  };
  mesh.subscribe(LIVE_TOPIC, ({ body }) => take(body, takeAnnounce), { signal: until });
  mesh.subscribe(streamTopic(id), ({ body }) => take(body, takeEntry), { signal: until });

  serveHeld(mesh, held, until);
  answer(mesh, PROTOCOLS.manifest, until, (head) => {
    const request = ManifestRequest.decode(head);
    return equalBytes(request.stream, id) ? Manifest.reply(manifest, request) : undefined;
  });

  /** Gossip may have lost an entry, or we may have come late: the broadcaster has them all. */
  async function catchUp(): Promise<void> {
    const announce = manifest.announce?.message;
    if (announce === undefined) return;
    const from =
      manifest.entries.size === 0
        ? Math.max(0, announce.newest - (announce.ended ? Manifest.MOST_ENTRIES : JOIN))
        : manifest.end;
    const head = ManifestRequest.encode({ stream: id, from, most: MAX_MANIFEST_ENTRIES });
    const reply = await ask(mesh, announce.broadcaster, PROTOCOLS.manifest, head, {
      signal: AbortSignal.any([until, clock.timeout(10_000)]),
      addrs: announce.addrs,
    });
    const { announce: newer, entries } = ManifestReply.decode(reply.head);
    if (newer.byteLength > 0) await takeAnnounce(newer.slice());
    for (const entry of entries) await takeEntry(entry.slice());
  }

  void (async () => {
    while (!over) {
      await bell.until(() => manifest.announce, { signal: until });
      const segmentMs = manifest.announce?.message.segmentMs ?? 2_000;
      const quiet = clock.now() - heardAt > 1.5 * segmentMs;
      if (manifest.entries.size === 0 || quiet || Manifest.missing(manifest) !== undefined)
        await catchUp().catch(() => {}); // asked again below
      await clock.sleep(segmentMs / 4, { signal: until });
    }
  })().catch(() => {}); // the signal ended it

  const entryAt = (track: string, seq: number): { entry: Entry; found: Track } => {
    const entry = manifest.entries.get(seq)?.message;
    const found = entry?.tracks.find(({ name }) => name === track);
    if (entry === undefined || found === undefined)
      throw new ViewerError(
        { code: "VIEWER_UNKNOWN", track, seq },
        `segment ${seq} of ${track} is not in the manifest, which has ${manifest.first} to ${manifest.end - 1}`,
      );
    return { entry, found };
  };

  const playable = () => {
    const all = Array.from({ length: manifest.end - manifest.first }, (_, i) => {
      const sealed = manifest.entries.get(manifest.first + i);
      return sealed?.message as Entry; // first to end is unbroken
    });
    return Manifest.complete(manifest) ? all : all.slice(-WINDOW);
  };

  return {
    async master({ signal, plays }) {
      const waits = { signal: AbortSignal.any([signal, until]) };
      const announce = await bell.until(
        () => (manifest.end > manifest.first ? manifest.announce?.message : undefined),
        waits,
      );
      const entries = playable();
      return Hls.master(
        Manifest.variants(Manifest.offered(manifest, announce, entries), entries, plays),
      );
    },

    async playlist(track, { signal, atLeast = 0 }) {
      const waits = { signal: AbortSignal.any([signal, until]) };
      await bell.until(
        () =>
          (manifest.end > atLeast && manifest.end > manifest.first) ||
          Manifest.complete(manifest) ||
          undefined,
        waits,
      );
      const segments = playable();
      if (!segments.some(({ tracks }) => tracks.some(({ name }) => name === track)))
        throw new ViewerError(
          { code: "VIEWER_UNKNOWN", track },
          `no track ${JSON.stringify(track.slice(0, 40))} in segments ${manifest.first} to ${manifest.end - 1}`,
        );
      return Hls.media(Manifest.playlist(manifest, track, segments));
    },

    async bytes(track, what, seq, { signal }) {
      const { entry, found } = entryAt(track, seq);
      if (found.gap)
        throw new ViewerError(
          { code: "VIEWER_GAP", track, seq },
          `segment ${seq} of ${track} is a gap: no worker delivered it in time`,
        );
      const hash = what === "init" ? found.initHash : found.mediaHash;
      const key = toHex(hash);
      const mine = held.get(key);
      if (mine !== undefined) return { data: mine.slice().buffer, firstByteAt: clock.now() };
      const startedAt = clock.now();
      const holders = found.holders.flatMap((index) => entry.holders[index] ?? []);
      const { bytes, peer, firstByteAt } = await fetcher.fetch(
        { hash, size: what === "init" ? found.initLen : found.mediaLen, holders },
        {
          signal: AbortSignal.any([signal, until]),
          failed: (peer, wrong) =>
            on({ type: wrong ? "mismatch" : "unreachable", seq, track, peer }),
        },
      );
      held.put(key, bytes);
      on({
        type: "fetched",
        seq,
        track,
        peer,
        bytes: bytes.byteLength,
        ms: Math.round(clock.now() - startedAt),
      });
      return { data: bytes.slice().buffer, firstByteAt };
    },

    async close() {
      own.abort();
    },
  };
}
