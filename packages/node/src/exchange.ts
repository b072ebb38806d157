import type { Mesh, Message, PeerId } from "@tabcast/mesh";
import { Get, GetReply, PROTOCOLS } from "@tabcast/protocol";
import { type Bytes, type Clock, CodedError, systemClock, toHex } from "@tabcast/runtime";
import { checkHash, type Held } from "./held.ts";

/** Largest thing that is fetched by hash: one segment at one rung. */
const MAX_FETCH = 32 * 2 ** 20;
/** How long one holder may stay silent before the next one is asked as well. */
const PATIENCE_MS = 1_000;
/** How long a holder that failed is asked last. */
const SHUN_MS = 15_000;
const NOTHING = new Uint8Array(0);

/** Why bytes could not be had. */
export type FetchReason =
  /** The holder does not give the bytes. Do: nothing; the next holder is asked. */
  | { code: "FETCH_REFUSED"; peer: PeerId; why: string }
  /** The holder sent more or fewer bytes than were announced. Do: nothing; the next holder is asked. */
  | { code: "FETCH_SIZE"; peer: PeerId; expected: number; got: number }
  /** No holder gave the bytes; `tried` were asked. Do: wait for the next segment; if it stays so, all holders have left. */
  | { code: "FETCH_NOBODY"; hash: string; tried: number };
export class FetchError extends CodedError<FetchReason> {}

/** Someone who is said to hold bytes, and where to find them. */
export interface Whereabouts {
  readonly peer: PeerId;
  readonly addrs: readonly string[];
}

export interface Wanted {
  /** SHA-256, 32 bytes. */
  readonly hash: Uint8Array;
  /** Exact size in bytes; another size is refused before it is read. */
  readonly size: number;
  readonly holders: readonly Whereabouts[];
}

export interface Fetched {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly peer: PeerId;
  /** On the clock that the fetcher was opened with. */
  readonly firstByteAt: number;
}

/** Fetches bytes by hash and remembers which peers failed. */
export interface Fetcher {
  /**
   * Asks the holders in order, the next one as soon as one fails or stays silent for a second. The first right bytes win.
   * Throws FETCH_NOBODY, with the last failure as its cause, when all have failed.
   */
  fetch(wanted: Wanted, options: FetchOptions): Promise<Fetched>;
}

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Told of each holder that failed; `wrong` means it sent bytes of another hash. */
  readonly failed?: (peer: PeerId, wrong: boolean) => void;
  /** Told whenever bytes come. */
  readonly heard?: () => void;
}

export function openFetcher(mesh: Mesh, clock: Clock = systemClock): Fetcher {
  const shunned = new Map<PeerId, number>();

  async function from(
    holder: Whereabouts,
    wanted: Wanted,
    { signal, heard }: FetchOptions,
    begun: () => void,
  ) {
    const { peer } = holder;
    const request = { head: Get.encode({ hash: wanted.hash }), body: NOTHING };
    const maxBody = Math.min(wanted.size, MAX_FETCH) as Bytes;
    let firstByteAt: number | undefined;
    const parts = mesh.request(peer, PROTOCOLS.get, request, {
      signal,
      maxBody,
      addrs: holder.addrs,
      ...(heard && { heard }),
    });
    for await (const part of parts) {
      if (firstByteAt === undefined) {
        firstByteAt = clock.now();
        begun();
        const reply = GetReply.decode(part.head);
        if (!reply.ok)
          throw new FetchError(
            { code: "FETCH_REFUSED", peer, why: reply.why },
            `${peer} does not give ${toHex(wanted.hash).slice(0, 12)}…: ${reply.why}`,
          );
        if (reply.size !== wanted.size)
          throw new FetchError(
            { code: "FETCH_SIZE", peer, expected: wanted.size, got: reply.size },
            `expected ${wanted.size} bytes from ${peer}, it offers ${reply.size}`,
          );
        continue;
      }
      const bytes = part.body as Uint8Array<ArrayBuffer>;
      if (bytes.byteLength !== wanted.size) break;
      await checkHash(bytes, wanted.hash);
      return { bytes, peer, firstByteAt };
    }
    throw new FetchError(
      { code: "FETCH_SIZE", peer, expected: wanted.size, got: 0 },
      `${peer} ended its answer before ${wanted.size} bytes had come`,
    );
  }

  return {
    async fetch(wanted, { signal, failed, heard }) {
      signal.throwIfAborted();
      const now = clock.now();
      const late = (holder: Whereabouts) => ((shunned.get(holder.peer) ?? 0) > now ? 1 : 0);
      const order = wanted.holders
        .filter(({ peer }) => peer !== mesh.self)
        .toSorted((a, b) => late(a) - late(b));
      const race = new AbortController();
      const all = AbortSignal.any([signal, race.signal]);
      let last: unknown;
      try {
        return await new Promise<Fetched>((resolve, reject) => {
          let next = 0;
          let running = 0;
          const stop = () => reject(signal.reason);
          signal.addEventListener("abort", stop, { once: true, signal: race.signal });
          const start = () => {
            const holder = order[next++];
            if (holder === undefined) {
              if (running === 0)
                reject(
                  new FetchError(
                    { code: "FETCH_NOBODY", hash: toHex(wanted.hash), tried: order.length },
                    `none of ${order.length} holders gave ${toHex(wanted.hash).slice(0, 12)}…`,
                    { cause: last },
                  ),
                );
              return;
            }
            running++;
            const quiet = new AbortController();
            clock
              .sleep(PATIENCE_MS, { signal: AbortSignal.any([all, quiet.signal]) })
              .then(start, () => {});
            const options = { signal: all, ...(heard && { heard }) };
            from(holder, wanted, options, () => quiet.abort()).then(resolve, (error: unknown) => {
              running--;
              quiet.abort();
              if (all.aborted) return;
              last = error;
              shunned.set(holder.peer, clock.now() + SHUN_MS);
              const wrong = error instanceof CodedError && error.code === "HASH_MISMATCH";
              failed?.(holder.peer, wrong);
              start();
            });
          };
          start();
        });
      } finally {
        race.abort(); // whoever is still sending may stop
      }
    },
  };
}

/** Answers a request, or leaves it to the next one that serves the protocol in this tab by returning undefined. */
type Answer = (
  head: Uint8Array,
  peer: PeerId,
) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/** Several broadcasts, viewers and a worker may live in one tab, on one mesh, which serves each protocol once. */
const shared = new WeakMap<Mesh, Map<string, Set<unknown>>>();

/** Adds to those that serve `protocol` here until `signal` fires; `start` runs for the first one. */
function join<T>(
  mesh: Mesh,
  protocol: string,
  one: T,
  signal: AbortSignal,
  start: (all: Set<T>) => void,
): void {
  const protocols = shared.get(mesh) ?? new Map<string, Set<unknown>>();
  shared.set(mesh, protocols);
  const known = protocols.get(protocol) as Set<T> | undefined;
  const all = known ?? new Set<T>();
  protocols.set(protocol, all);
  all.add(one);
  signal.addEventListener("abort", () => all.delete(one), { once: true });
  if (known === undefined) start(all);
}

/** The mesh itself ends what is served for the tab's whole life. */
const forever = new AbortController().signal;

/** Answers `Get` from what is held until `signal` fires: first a head with the size, then the bytes. */
export function serveHeld(mesh: Mesh, held: Held, signal: AbortSignal): void {
  join(mesh, PROTOCOLS.get, held, signal, (all) =>
    mesh.serve(
      PROTOCOLS.get,
      async function* ({ head }): AsyncIterable<Message> {
        const hash = toHex(Get.decode(head).hash);
        let bytes: Uint8Array | undefined;
        for (const store of all) bytes ??= store.get(hash);
        if (bytes === undefined) {
          const refusal = GetReply.encode({ ok: false, why: "not held", size: 0 });
          return yield { head: refusal, body: NOTHING };
        }
        const size = bytes.byteLength;
        yield { head: GetReply.encode({ ok: true, why: "", size }), body: NOTHING };
        yield { head: NOTHING, body: bytes };
      },
      { signal: forever, maxBody: 0 as Bytes, maxPerPeer: 16 },
    ),
  );
}

/** Sends one request and returns the only part of its answer. Throws MESH_* errors, or an Error if nothing came. */
export async function ask(
  mesh: Mesh,
  peer: PeerId,
  protocol: string,
  head: Uint8Array,
  options: { signal: AbortSignal; addrs?: readonly string[] },
): Promise<Message> {
  const bounded = { ...options, maxBody: 0 as Bytes };
  for await (const part of mesh.request(peer, protocol, { head, body: NOTHING }, bounded))
    return part;
  throw new Error(`${peer} answered ${protocol} with nothing`);
}

/**
 * Answers a protocol of one head in, one head out, until `signal` fires. A throw, or an answer from nobody, resets the
 * stream: what does not decode gets no conversation.
 */
export function answer(mesh: Mesh, protocol: string, signal: AbortSignal, reply: Answer): void {
  join(mesh, protocol, reply, signal, (all) =>
    mesh.serve(
      protocol,
      async function* ({ head }, { peer }): AsyncIterable<Message> {
        for (const one of [...all]) {
          const found = await one(head, peer);
          if (found !== undefined) return yield { head: found, body: NOTHING };
        }
        throw new Error(`nobody here answers this ${protocol}`);
      },
      { signal: forever, maxBody: 0 as Bytes },
    ),
  );
}
