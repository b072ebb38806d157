import type { Connection, Stream } from "@libp2p/interface";
import { toError } from "@tabcast/runtime";
import { type Pacer, pacer } from "./pace.ts";
import { CHUNK, type Duplex } from "./rpc.ts";

/** What libp2p adds to a chunk, rounded up. */
const AROUND = 16;
/** Milliseconds a finished stream may take to say goodbye before it is reset. */
const CLOSE_TIMEOUT = 15_000;

const pacers = new WeakMap<Connection, Pacer>();

function pacerOf(connection: Connection): Pacer {
  const pace = pacers.get(connection) ?? pacer();
  pacers.set(connection, pace);
  return pace;
}

/** The browser's channel under a stream, if it is one. Not in libp2p's interface: looked up with care, versions are pinned. */
function dataChannel(stream: Stream): RTCDataChannel | undefined {
  const { channel } = stream as { channel?: unknown };
  return typeof RTCDataChannel !== "undefined" && channel instanceof RTCDataChannel
    ? channel
    : undefined;
}

/** A libp2p stream as rpc sees it. Listens at once: bytes that come before `listen` are kept. */
export function overStream(stream: Stream, connection: Connection): Duplex {
  const channel = dataChannel(stream);
  const pace = channel === undefined ? undefined : pacerOf(connection);
  if (channel !== undefined && pace !== undefined) {
    const leave = pace.join(channel);
    stream.addEventListener("close", leave, { once: true });
    if (stream.status !== "open") leave();
  }
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
        const chunk = bytes.subarray(at, at + CHUNK);
        let more = true;
        const send = () => {
          more = stream.send(chunk);
        };
        if (pace === undefined) send();
        else await pace.turn(chunk.byteLength + AROUND, send, signal);
        if (!more) await drained(stream, signal);
        signal.throwIfAborted();
      }
    },
    left: ({ signal }) =>
      channel === undefined ? Promise.resolve() : emptied(stream, channel, signal),
    poke(bytes) {
      try {
        stream.send(bytes);
      } catch {
        // It is gone, and `onEnd` says so.
      }
    },
    async close() {
      // biome-ignore lint/plugin: libp2p and the browser below it know no time but the machine's.
      await stream.close({ signal: AbortSignal.timeout(CLOSE_TIMEOUT) }).catch((thrown) => {
        stream.abort(toError(thrown));
      });
    },
    abort: (error) => stream.abort(error),
  };
}

/** Resolves when a channel's buffer is empty, or its stream is gone. */
function emptied(stream: Stream, channel: RTCDataChannel, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (channel.bufferedAmount === 0 || stream.status !== "open") return resolve();
    channel.bufferedAmountLowThreshold = 0; // the pacer sets one too, and takes a lower one as well
    const over = new AbortController();
    const once = { signal: over.signal };
    const end = (settle: () => void) => {
      over.abort();
      settle();
    };
    channel.addEventListener("bufferedamountlow", () => end(resolve), once);
    stream.addEventListener("close", () => end(resolve), { once: true });
    signal.addEventListener("abort", () => end(() => reject(signal.reason)), once);
  });
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
