import type { PeerId } from "@tabcast/mesh";
import type { Entry, Track, WatchKeys } from "@tabcast/protocol";
import { type Bytes, toHex } from "@tabcast/runtime";
import { openBlobStore } from "../blob-store.ts";
import type { Context } from "../context.ts";
import { serveBlobs } from "../exchange.ts";
import { type Fault, openFetcher } from "../fetcher.ts";
import { openHolding } from "../holding.ts";
import type { Viewer, ViewerEvent } from "./types.ts";

/** Bytes a viewer keeps for itself and for others. */
const MOST_KEPT = (128 * 2 ** 20) as Bytes;

/** Which half of a track's segment is wanted. */
export interface Wish {
  readonly entry: Entry;
  readonly track: Track;
  readonly what: "init" | "media";
}

/** Init and media segments by hash: fetched once, checked, kept, and served to others. */
export interface Fragments {
  /** A copy. Throws FETCH_NOBODY, PROTOCOL_ENCRYPTED, or the signal's reason. */
  get(wish: Wish, options: { signal: AbortSignal }): ReturnType<Viewer["bytes"]>;
}

export interface FragmentsOptions {
  /** Of a private stream. Default: what holders have is given as it is. */
  readonly keys?: Promise<WatchKeys> | undefined;
  readonly on: (event: ViewerEvent) => void;
  /** Told of each holder that failed. */
  readonly failed?: (of: { seq: number; track: string }, peer: PeerId, fault: Fault) => void;
  /** Bytes kept. Default 128 MiB. */
  readonly most?: Bytes;
  /** Whether others get what is kept. Default true. */
  readonly serves?: boolean;
}

export function openFragments(context: Context, options: FragmentsOptions): Fragments {
  const { keys, on, failed, most = MOST_KEPT, serves = true } = options;
  const { mesh, clock, signal: until } = context;
  const blobs = openBlobStore(most);
  const fetcher = openFetcher(context);
  /** What is kept is as its holders have it; what a player gets is what it can play. */
  const playable = async ({ entry, track, what }: Wish, held: Uint8Array<ArrayBuffer>) => {
    if (keys === undefined) return held.slice().buffer;
    const of = { seq: entry.seq, track: track.name };
    return (await openHolding(await keys).open(what, held, of)).buffer;
  };
  if (serves) serveBlobs(mesh, blobs, until);

  return {
    async get(wish, { signal }) {
      const { entry, track, what } = wish;
      const { seq } = entry;
      const { hash, size } = wantedOf(track, what);
      const key = toHex(hash);
      const mine = blobs.get(key);
      if (mine !== undefined) return { data: await playable(wish, mine), firstByteAt: clock.now() };
      const startedAt = clock.now();
      const holders = track.holders.flatMap((index) => entry.holders[index] ?? []);
      const of = { seq, track: track.name };
      const { bytes, peer, firstByteAt } = await fetcher.fetch(
        { hash, size, holders },
        {
          signal: AbortSignal.any([signal, until]),
          failed(peer, fault) {
            failed?.(of, peer, fault);
            // Who was merely overtaken has refused nothing.
            if (fault === "stalled") return;
            on({ type: fault === "wrong" ? "mismatch" : "unreachable", ...of, peer });
          },
        },
      );
      blobs.put(key, bytes);
      const ms = Math.round(clock.now() - startedAt);
      on({ type: "fetched", ...of, peer, bytes: bytes.byteLength, ms });
      return { data: await playable(wish, bytes), firstByteAt };
    },
  };
}

const wantedOf = ({ initHash, initLen, mediaHash, mediaLen }: Track, what: Wish["what"]) =>
  what === "init" ? { hash: initHash, size: initLen } : { hash: mediaHash, size: mediaLen };
