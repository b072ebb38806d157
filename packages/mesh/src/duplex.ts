import type { Stream } from "@libp2p/interface";
import { toError } from "@tabcast/runtime";
import type { Duplex } from "./rpc.ts";

/** Bytes per message on a data channel, less what libp2p puts around them. Measured: facts on the mesh, part 10. */
const CHUNK = 64 * 1024 - 16;
/** Milliseconds a finished stream may take to say goodbye before it is reset. */
const CLOSE_TIMEOUT = 15_000;

/** A libp2p stream as rpc sees it. Listens at once: bytes that come before `listen` are kept. */
export function overStream(stream: Stream): Duplex {
  let over = false;
  let onEnd: ((error?: Error) => void) | undefined;
  const end = (error?: Error) => {
    if (over) return;
    over = true;
    onEnd?.(error);
  };
  return {
    listen(onBytes, ended) {
      onEnd = ended;
      stream.addEventListener("message", ({ data }) => {
        if (data instanceof Uint8Array) onBytes(data);
        else for (const bytes of data) onBytes(bytes);
      });
      // A data channel that closes with its connection looks like a clean end here; rpc tells them apart.
      stream.addEventListener("remoteCloseWrite", () => end());
      stream.addEventListener("close", (event) => end(event.error));
      // What it holds is handed on in a microtask that was queued just above; a refusal must come before the end.
      if (stream.status !== "open" || stream.remoteWriteStatus !== "writable")
        queueMicrotask(() => end());
    },
    async write(bytes, { signal }) {
      for (let at = 0; at < bytes.byteLength; at += CHUNK) {
        signal.throwIfAborted();
        const more = stream.send(bytes.subarray(at, at + CHUNK));
        if (!more) await drained(stream, signal);
      }
    },
    poke(bytes) {
      try {
        stream.send(bytes);
      } catch {
        // It is gone, and `onEnd` says so.
      }
    },
    async close() {
      await stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT) }).catch((thrown) => {
        stream.abort(toError(thrown));
      });
    },
    abort: (error) => stream.abort(error),
  };
}

/** libp2p's own `onDrain` resolves at once after its first use. */
function drained(stream: Stream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      stream.removeEventListener("drain", onDrain);
      stream.removeEventListener("close", onClose);
      signal.removeEventListener("abort", onAbort);
    };
    const onDrain = () => {
      done();
      resolve();
    };
    const onClose = () => {
      done();
      reject(new Error("the stream closed before its buffer drained"));
    };
    const onAbort = () => {
      done();
      reject(signal.reason);
    };
    stream.addEventListener("drain", onDrain);
    stream.addEventListener("close", onClose);
    signal.addEventListener("abort", onAbort);
  });
}
