import type { PeerId } from "@tabcast/mesh";
import { Get, GetReply, PROTOCOLS } from "@tabcast/protocol";
import { type Bytes, CodedError, toHex } from "@tabcast/runtime";
import { checkHash } from "./blob-store.ts";
import type { Context } from "./context.ts";
import { openSources, type Sources, type Whereabouts } from "./sources.ts";

/** Largest thing that is fetched by hash: one segment at one rung. */
const MAX_FETCH = 32 * 2 ** 20;
/** How long one holder may stay silent before the next one is asked as well. */
const PATIENCE_MS = 1_000;
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

/** Fetches bytes by hash. */
export interface Fetcher {
  /**
   * Asks the holders in the order of its `Sources`, the next one as soon as one fails or stays silent for a second. The first
   * right bytes win. Throws FETCH_NOBODY, with the last failure as its cause, when all have failed.
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

type Net = Pick<Context, "mesh" | "clock">;

/** `sources` chooses whom to ask first; by default the order of the entry counts, and who failed of late comes last. */
export function openFetcher(context: Net, sources: Sources = openSources(context)): Fetcher {
  return {
    async fetch(wanted, { signal, failed, heard }) {
      signal.throwIfAborted();
      const order = sources.order(wanted.holders);
      const over = new AbortController();
      const options = {
        signal: AbortSignal.any([signal, over.signal]),
        ...(heard && { heard }),
      };
      try {
        return await firstOf({ ...context, signal }, order, {
          ask: (holder, begun) => receive(context, holder, wanted, { ...options, begun }),
          failed({ peer }, error) {
            sources.failed(peer);
            failed?.(peer, error instanceof CodedError && error.code === "HASH_MISMATCH");
          },
          nobody: (cause) => nobody(wanted, order.length, cause),
          over: options.signal,
        });
      } finally {
        over.abort(); // whoever is still sending may stop
      }
    },
  };
}

interface Race<T> {
  /** `begun`: the holder has answered, and is not silent any more. */
  readonly ask: (holder: Whereabouts, begun: () => void) => Promise<T>;
  readonly failed: (holder: Whereabouts, error: unknown) => void;
  /** The error when all have failed, and the last one with this. */
  readonly nobody: (last: unknown) => Error;
  /** Fires when the race is over, however it ended. */
  readonly over: AbortSignal;
}

/** The first answer of those who are asked one after the other, each as soon as the one before fails or stays silent. */
function firstOf<T>(
  { clock, signal }: Pick<Context, "clock" | "signal">,
  order: readonly Whereabouts[],
  { ask, failed, nobody: none, over }: Race<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let next = 0;
    let running = 0;
    let last: unknown;
    signal.addEventListener("abort", () => reject(signal.reason), { once: true, signal: over });
    const start = () => {
      const holder = order[next++];
      if (holder === undefined) {
        if (running === 0) reject(none(last));
        return;
      }
      running++;
      const quiet = new AbortController();
      clock
        .sleep(PATIENCE_MS, { signal: AbortSignal.any([over, quiet.signal]) })
        .then(start, () => {});
      ask(holder, () => quiet.abort()).then(resolve, (error: unknown) => {
        running--;
        quiet.abort();
        if (over.aborted) return;
        last = error;
        failed(holder, error);
        start();
      });
    };
    start();
  });
}

const nobody = ({ hash }: Wanted, tried: number, cause: unknown) =>
  new FetchError(
    { code: "FETCH_NOBODY", hash: toHex(hash), tried },
    `none of ${tried} holders gave ${toHex(hash).slice(0, 12)}…`,
    { cause },
  );

/** Gets bytes from one holder: refuses another size before they come, and checks their hash. */
async function receive(
  { mesh, clock }: Net,
  { peer, addrs }: Whereabouts,
  { hash, size }: Wanted,
  { begun, ...options }: Omit<FetchOptions, "failed"> & { readonly begun: () => void },
): Promise<Fetched> {
  const request = { head: Get.encode({ hash }), body: NOTHING };
  const maxBody = Math.min(size, MAX_FETCH) as Bytes;
  let firstByteAt: number | undefined;
  for await (const part of mesh.request(peer, PROTOCOLS.get, request, {
    ...options,
    maxBody,
    addrs,
  })) {
    if (firstByteAt === undefined) {
      firstByteAt = clock.now();
      begun();
      checkOffer(GetReply.decode(part.head), peer, { hash, size });
      continue;
    }
    const bytes = part.body as Uint8Array<ArrayBuffer>;
    if (bytes.byteLength !== size) break;
    await checkHash(bytes, hash);
    return { bytes, peer, firstByteAt };
  }
  throw new FetchError(
    { code: "FETCH_SIZE", peer, expected: size, got: 0 },
    `${peer} ended its answer before ${size} bytes had come`,
  );
}

/** Throws FETCH_REFUSED or FETCH_SIZE unless a holder offers what is wanted. */
function checkOffer(
  { ok, why, size: offered }: GetReply,
  peer: PeerId,
  { hash, size }: Pick<Wanted, "hash" | "size">,
): void {
  if (!ok)
    throw new FetchError(
      { code: "FETCH_REFUSED", peer, why },
      `${peer} does not give ${toHex(hash).slice(0, 12)}…: ${why}`,
    );
  if (offered !== size)
    throw new FetchError(
      { code: "FETCH_SIZE", peer, expected: size, got: offered },
      `expected ${size} bytes from ${peer}, it offers ${offered}`,
    );
}
