import { MAX_SEGMENT_BYTES } from "../bounds.ts";
import { MediaError, messageOf } from "../errors.ts";
import { alone, Caller } from "../port.ts";
import { mostBytes } from "./bytes.ts";
import type { VerifyCall, VerifyResult } from "./compare.worker.ts";
import type { Broken, CompareRequest, Comparison, Reference, ReferenceRequest } from "./types.ts";

/** A comparison that takes longer than this is given up, and its worker with it, in milliseconds. */
const PATIENCE_MS = 20_000;

/** Looks at renditions in a dedicated worker: one call at a time, further ones wait in order. */
export interface Verifier {
  /**
   * What renditions of a source segment are checked by, one for each rung, in their order. Make it when the frames to
   * check have been drawn, which is after the receipt. Rejects with MediaError, or with the signal's reason.
   */
  reference(
    request: ReferenceRequest,
    options: { readonly signal: AbortSignal },
  ): Promise<Reference[]>;
  /**
   * Measures one rendition. Made for bytes from strangers: whatever they are, it resolves, 20 seconds after its turn at
   * the latest, to a comparison that says what is broken. Rejects with the signal's reason, or with MEDIA_CLOSED.
   */
  compare(request: CompareRequest, options: { readonly signal: AbortSignal }): Promise<Comparison>;
  close(): void;
}

const openWorker = () =>
  new Caller<VerifyCall, never, VerifyResult>(
    new Worker(new URL("./compare.worker.ts", import.meta.url), { type: "module" }),
  );

/** Opens a verifier; it owns a worker until it is closed. */
export function createVerifier(): Verifier {
  let worker = openWorker();
  let closed = false;
  let before: Promise<unknown> = Promise.resolve();
  // One at a time from here, so that a call's patience does not count the calls before it.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = before.then(work);
    before = mine.catch(() => {});
    return mine;
  };
  const replace = () => {
    worker.close();
    if (!closed) worker = openWorker();
  };

  const compareInTurn = async (request: CompareRequest, signal: AbortSignal) => {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    try {
      const { init, media } = request.rendition;
      const rendition = { init: alone(init), media: alone(media) };
      const answer = await worker.call(
        { do: "compare", request: { ...request, rendition } },
        { signal: AbortSignal.any([signal, patience]) },
      );
      if (answer.done !== "compare") throw new TypeError("the worker answered another call");
      return answer.result;
    } catch (error) {
      signal.throwIfAborted();
      const died = error instanceof MediaError && error.code === "MEDIA_WORKER";
      if (!died && !patience.aborted) throw error;
      replace();
      return died
        ? brokenComparison(request, "undecodable", messageOf(error))
        : brokenComparison(request, "slow", `not decoded within ${PATIENCE_MS} ms`);
    }
  };

  return {
    async reference(request, { signal }) {
      const { init, media } = request.source;
      const bytes = init.byteLength + media.byteLength;
      if (bytes > MAX_SEGMENT_BYTES)
        throw new MediaError(
          { code: "MEDIA_TOO_LARGE", what: "segment", value: bytes, limit: MAX_SEGMENT_BYTES },
          `segment is too large: ${bytes} bytes, at most ${MAX_SEGMENT_BYTES}`,
        );
      return inTurn(async () => {
        const source = { init: alone(init), media: alone(media) };
        const call = { do: "reference", request: { ...request, source } } as const;
        const answer = await worker.call(call, { signal });
        if (answer.done !== "reference") throw new TypeError("the worker answered another call");
        return answer.result;
      });
    },
    async compare(request, { signal }) {
      const { init, media } = request.rendition;
      const bytes = init.byteLength + media.byteLength;
      const most = Math.floor(mostBytes(request.rung, request.reference));
      return bytes > most
        ? brokenComparison(request, "too-large", `${bytes} bytes, at most ${most}`)
        : inTurn(() => compareInTurn(request, signal));
    },
    close() {
      closed = true;
      worker.close();
    },
  };
}

function brokenComparison(
  { rung, codec, reference: { sizes, duration, timestamps } }: CompareRequest,
  why: Broken,
  message: string,
): Comparison {
  return {
    rung,
    codec,
    source: { sizes, duration, count: timestamps.length },
    broken: { why, message },
    spent: { decode: 0, frames: 0, trace: 0 },
  };
}
