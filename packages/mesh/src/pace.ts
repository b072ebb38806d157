/*
 * All streams of a connection share one SCTP association. More than 128 KiB outstanding bursts past the receiver's 64 KiB UDP
 * buffer, and a fresh association then stalls for seconds (measured: facts on the mesh, part 10). So the streams take turns.
 */

/** Bytes that may be in a connection's send buffers together. */
export const BUDGET = 128 * 1024;

/** What a pacer needs of an RTCDataChannel. */
export interface Buffer extends Pick<EventTarget, "addEventListener" | "removeEventListener"> {
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
}

export interface Pacer {
  /** Counts this buffer from now on, until the function it returns is called. */
  join(buffer: Buffer): () => void;
  /** Calls `send`, first come first served, when `size` more bytes fit, and resolves then. Rejects with what it throws. */
  turn(size: number, send: () => void, signal: AbortSignal): Promise<void>;
}

/** A pacer for the streams of one connection. */
export function pacer(): Pacer {
  const buffers = new Set<Buffer>();
  const waiting: { readonly size: number; go(): void }[] = [];
  const fits = (size: number) => {
    let sum = size;
    for (const { bufferedAmount } of buffers) sum += bufferedAmount;
    // Something larger than the budget must pass too, alone.
    return sum <= BUDGET || sum === size;
  };
  const pump = () => {
    for (let first = waiting[0]; first !== undefined && fits(first.size); first = waiting[0]) {
      waiting.shift();
      first.go();
    }
  };
  return {
    join(buffer) {
      buffers.add(buffer);
      // With n buffers and no room left, one of them holds more than this and will fire when it falls. It is never raised
      // again: a buffer that is already below a raised threshold would not fire.
      const threshold = Math.floor(BUDGET / 2 / buffers.size);
      for (const one of buffers)
        one.bufferedAmountLowThreshold =
          one === buffer ? threshold : Math.min(one.bufferedAmountLowThreshold, threshold);
      buffer.addEventListener("bufferedamountlow", pump);
      return () => {
        if (!buffers.delete(buffer)) return;
        buffer.removeEventListener("bufferedamountlow", pump);
        pump();
      };
    },
    turn(size, send, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const onAbort = () => {
          waiting.splice(waiting.indexOf(mine), 1);
          reject(signal.reason);
          pump();
        };
        const mine = {
          size,
          go() {
            signal.removeEventListener("abort", onAbort);
            try {
              send();
              resolve();
            } catch (thrown) {
              reject(thrown);
            }
          },
        };
        signal.addEventListener("abort", onAbort, { once: true });
        waiting.push(mine);
        pump();
      });
    },
  };
}
