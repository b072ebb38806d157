import type { PeerId } from "@tabcast/mesh";
import { type FAULTS, Get, GetReply, PROTOCOLS } from "@tabcast/protocol";
import { type Bytes, CodedError, toHex } from "@tabcast/runtime";
import { checkHash } from "./blob-store.ts";
import type { Context } from "./context.ts";
import { asked, LOOK_MS, look, makesRoom, type Waiting } from "./patience.ts";
import { openSources, type Sources, type Whereabouts } from "./sources.ts";

/** Largest thing that is fetched by hash: one segment at one rung. */
const MAX_FETCH = 32 * 2 ** 20;
const NOTHING = new Uint8Array(0);

/** Why bytes could not be had. */
export type FetchReason =
  /** The holder does not give the bytes. Do: nothing; the next holder is asked. */
  | { code: "FETCH_REFUSED"; peer: PeerId; why: string }
  /** The holder sent more or fewer bytes than were announced. Do: nothing; the next holder is asked. */
  | { code: "FETCH_SIZE"; peer: PeerId; expected: number; got: number }
  /** The holder sends more slowly than makes the segment in time. Do: nothing; the next holder is asked. */
  | { code: "FETCH_SLOW"; peer: PeerId; size: number; bytes: number }
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
   * Asks the holders in the order of its `Sources`, the next one as soon as one fails, or brings less in a second than makes the whole in
   * four. The first right bytes win. Throws FETCH_NOBODY, with the last failure as its cause, when all have failed. Whoever was slow and
   * overtaken, or slow when `signal` fired, counts as failed.
   */
  fetch(wanted: Wanted, options: FetchOptions): Promise<Fetched>;
}

/** How a holder failed; `stalled` is whoever was slow and overtaken, or slow when it was over. */
export type Fault = (typeof FAULTS)[number];

export interface FetchOptions {
  readonly signal: AbortSignal;
  /** Told of each holder that failed. */
  readonly failed?: (peer: PeerId, fault: Fault) => void;
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
      try {
        return await firstOf({ ...context, signal }, order, {
          size: wanted.size,
          ask(holder, options) {
            const told = (bytes: number) => {
              options.heard(bytes);
              heard?.();
            };
            return receive(context, holder, wanted, { ...options, heard: told });
          },
          failed({ peer, unsure }, error) {
            const fault = faultOf(error);
            if (unsure === undefined || fault !== "refused") sources.failed(peer);
            failed?.(peer, fault);
          },
          nobody: (cause) => nobody(wanted, order.length, cause),
          over: AbortSignal.any([signal, over.signal]),
        });
      } finally {
        over.abort(); // whoever is still sending may stop
      }
    },
  };
}

function faultOf(error: unknown): Fault {
  switch (error instanceof CodedError ? error.code : undefined) {
    case "HASH_MISMATCH":
    case "FETCH_SIZE":
      return "wrong";
    case "FETCH_REFUSED":
      return "refused";
    case "FETCH_SLOW":
      return "stalled";
    default:
      return "unreachable";
  }
}

interface Race<T> {
  /** Bytes that are wanted. */
  readonly size: number;
  /** `heard`: so many bytes have come. */
  readonly ask: (
    holder: Whereabouts,
    options: { signal: AbortSignal; heard: (bytes: number) => void },
  ) => Promise<T>;
  /** It failed, was overtaken, or was slow until the end. */
  readonly failed: (holder: Whereabouts, error: unknown) => void;
  /** The error when all have failed, and the last one with this. */
  readonly nobody: (last: unknown) => Error;
  /** Fires when the race is over, however it ended. */
  readonly over: AbortSignal;
}

/** One that was asked. */
interface Asked extends Waiting {
  readonly holder: Whereabouts;
  readonly number: number;
  readonly stop: AbortController;
}

/** The first answer of those who are asked one after the other, each as soon as the one before fails or is found slow. */
function firstOf<T>(
  { clock, signal }: Pick<Context, "clock" | "signal">,
  order: readonly Whereabouts[],
  { size, ask, failed, nobody: none, over }: Race<T>,
): Promise<T> {
  /** Those that are waited for, by when they were asked. */
  const running = new Map<number, Asked>();
  let next = 0;
  let last: unknown;
  /** Whoever was slow is not asked first the next time, whatever ended this. */
  const blame = (of: (asked: Asked) => boolean) => {
    for (const one of running.values())
      if (one.slow && of(one)) failed(one.holder, slowness(one, size));
  };
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const drop = (number: number, error: unknown) => {
    const one = running.get(number);
    if (over.aborted || one === undefined) return;
    running.delete(number);
    one.stop.abort();
    last = error;
    failed(one.holder, error);
  };
  const start = () => {
    const holder = order[next];
    if (holder === undefined) {
      if (running.size === 0) reject(none(last));
      return;
    }
    const number = next++;
    const room = makesRoom([...running.values()]);
    if (room !== undefined) drop(room.number, slowness(room, size));
    const stop = new AbortController();
    running.set(number, { ...asked, holder, number, stop });
    let bytes = 0;
    const options = {
      signal: AbortSignal.any([over, stop.signal]),
      heard(more: number) {
        bytes += more;
      },
    };
    watch(number, () => bytes, options.signal).catch(() => {}); // the race is over, or it is out of it
    ask(holder, options).then(
      (found) => {
        if (over.aborted) return;
        blame((one) => one.number < number);
        resolve(found);
      },
      (error: unknown) => {
        if (!running.has(number)) return;
        drop(number, error);
        start();
      },
    );
  };
  async function watch(number: number, bytes: () => number, until: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(LOOK_MS, { signal: until });
      const one = running.get(number);
      if (one === undefined) return;
      const [after, verdict] = look(one, bytes(), size);
      running.set(number, { ...one, ...after });
      if (verdict === "end") drop(number, slowness({ ...one, ...after }, size));
      if (verdict !== "wait") start();
    }
  }
  const onAbort = () => {
    blame(() => true);
    reject(signal.reason);
  };
  // Not with `over` as its own signal: what both stem from may end the listening first.
  signal.addEventListener("abort", onAbort, { once: true });
  start();
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}

const slowness = ({ holder: { peer }, bytes }: Asked, size: number) =>
  new FetchError(
    { code: "FETCH_SLOW", peer, size, bytes },
    `${peer} sent ${bytes} of ${size} bytes, too slowly to be in time`,
  );

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
  options: { readonly signal: AbortSignal; readonly heard: (bytes: number) => void },
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
