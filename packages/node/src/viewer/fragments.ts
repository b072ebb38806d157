import type { PeerId } from "@tabcast/mesh";
import type { Entry, Holder, Track, WatchKeys } from "@tabcast/protocol";
import { type Bytes, toHex } from "@tabcast/runtime";
import { openBlobStore } from "../blob-store.ts";
import type { Context } from "../context.ts";
import { serveBlobs } from "../exchange.ts";
import { type Fault, openFetcher } from "../fetcher.ts";
import { openHolding } from "../holding.ts";
import type { Whereabouts } from "../sources.ts";
import type { Viewer, ViewerEvent } from "./types.ts";

/** Bytes a viewer keeps for itself and for others. */
const MOST_KEPT = (128 * 2 ** 20) as Bytes;
/** And for how long, in milliseconds: who joins late asks for the newest segments. */
const KEPT_MS = 300_000;
/** Followers that are asked for a segment before its broadcaster is. */
const MOST_FOLLOWERS = 2;
/** How long none is asked after as many were waited for in vain, in milliseconds: twice as long for each more, up to a bound. */
const ALONE_MS = 15_000;
const MOST_ALONE_MS = 600_000;

/** Which half of a track's segment is wanted. */
export interface Wish {
  readonly entry: Entry;
  readonly track: Track;
  readonly what: "init" | "media";
}

/** Init and media segments by hash: fetched once, checked, kept, and served to others. */
export interface Fragments {
  /** A copy; `heard` is told whenever bytes of it come. Throws FETCH_NOBODY, PROTOCOL_ENCRYPTED, or the signal's reason. */
  get(
    wish: Wish,
    options: { readonly signal: AbortSignal; readonly heard?: () => void },
  ): ReturnType<Viewer["bytes"]>;
}

export interface FragmentsOptions {
  /** Of a private stream. Default: what holders have is given as it is. */
  readonly keys?: Promise<WatchKeys> | undefined;
  readonly on: (event: ViewerEvent) => void;
  /** Told of each holder that failed. */
  readonly failed?: (of: { seq: number; track: string }, peer: PeerId, fault: Fault) => void;
  /** Others that follow the stream, who may have what they fetched. Default: none is asked. */
  readonly followers?: () => readonly PeerId[];
  /** Bytes kept. Default 128 MiB. */
  readonly most?: Bytes;
  /** Whether others get what is kept. Default true. */
  readonly serves?: boolean;
}

export function openFragments(context: Context, options: FragmentsOptions): Fragments {
  const { keys, on, failed, followers = () => [], most = MOST_KEPT, serves = true } = options;
  const { mesh, clock, signal: until } = context;
  const blobs = openBlobStore(most, { now: () => clock.now(), forMs: KEPT_MS });
  const fetcher = openFetcher(context);
  const company = openCompany(context, followers);
  /** What is kept is as its holders have it; what a player gets is what it can play. */
  const playable = async ({ entry, track, what }: Wish, held: Uint8Array<ArrayBuffer>) => {
    if (keys === undefined) return held.slice().buffer;
    const of = { seq: entry.seq, track: track.name };
    return (await openHolding(await keys).open(what, held, of)).buffer;
  };
  if (serves) serveBlobs(mesh, blobs, until);

  return {
    async get(wish, { signal, heard }) {
      const { entry, track, what } = wish;
      const { seq } = entry;
      const { hash, size } = wantedOf(track, what);
      const key = toHex(hash);
      const mine = blobs.get(key);
      if (mine !== undefined) return { data: await playable(wish, mine), firstByteAt: clock.now() };
      const startedAt = clock.now();
      const named = track.holders.flatMap((index) => entry.holders[index] ?? []);
      const holders = asked(named, company.some(), entry);
      const of = { seq, track: track.name };
      const { bytes, peer, firstByteAt } = await fetcher.fetch(
        { hash, size, holders },
        {
          signal: AbortSignal.any([signal, until]),
          ...(heard && { heard }),
          failed(peer, fault) {
            // Who is not named has promised nothing.
            if (!named.some((holder) => holder.peer === peer)) return company.failed(fault);
            failed?.(of, peer, fault);
            // Who was merely overtaken has refused nothing.
            if (fault === "stalled") return;
            on({ type: fault === "wrong" ? "mismatch" : "unreachable", ...of, peer });
          },
        },
      );
      blobs.put(key, bytes);
      if (!named.some((holder) => holder.peer === peer)) company.served();
      const ms = Math.round(clock.now() - startedAt);
      on({ type: "fetched", ...of, peer, bytes: bytes.byteLength, ms });
      return { data: await playable(wish, bytes), firstByteAt };
    },
  };
}

const wantedOf = ({ initHash, initLen, mediaHash, mediaLen }: Track, what: Wish["what"]) =>
  what === "init" ? { hash: initHash, size: initLen } : { hash: mediaHash, size: mediaLen };

/**
 * Followers that are asked, a few by chance. They are whoever says so: where they are waited for in vain, each segment would be, so
 * that none is asked for a while.
 */
function openCompany(
  { clock, random }: Pick<Context, "clock" | "random">,
  followers: () => readonly PeerId[],
) {
  /** More than served of late. */
  let vain = 0;
  let aloneUntil = Number.NEGATIVE_INFINITY;
  return {
    some(): PeerId[] {
      if (clock.now() < aloneUntil) return [];
      const left = [...followers()];
      const chosen: PeerId[] = [];
      while (left.length > 0 && chosen.length < MOST_FOLLOWERS)
        chosen.push(...left.splice(random.below(left.length), 1));
      return chosen;
    },
    /** Who does not have it says so at once, which costs nothing. */
    failed(fault: Fault): void {
      if (fault === "refused") return;
      vain++;
      if (vain < MOST_FOLLOWERS) return;
      const forMs = Math.min(MOST_ALONE_MS, ALONE_MS * 2 ** (vain - MOST_FOLLOWERS));
      aloneUntil = Math.max(aloneUntil, clock.now() + forMs);
    },
    served(): void {
      vain = Math.max(0, vain - 1);
    },
  };
}

/** Who is asked, the first one first: those that the entry names, then followers who may have fetched it, then its broadcaster. */
function asked(
  named: readonly Holder[],
  followers: readonly PeerId[],
  { broadcaster }: Pick<Entry, "broadcaster">,
): readonly Whereabouts[] {
  const own = named.filter(({ peer }) => peer === broadcaster);
  const others = named.filter(({ peer }) => peer !== broadcaster);
  const more = followers.filter((peer) => !named.some((holder) => holder.peer === peer));
  return [...others, ...more.map((peer) => ({ peer, addrs: [], unsure: true as const })), ...own];
}
