/** As much of libp2p's circuit relay protocol as a probe speaks. The package does not export its messages. */
import type { Stream } from "@libp2p/interface";
import { concatBytes } from "@tabcast/runtime";

/** Largest message that is read, in bytes. A peer id and a limit are under 100. */
const MAX_MESSAGE = 1_024;

/** What is kept of a stream, in bytes; beyond it the stream is read no further. */
const MOST_KEPT = 16_384;

/** Values of the protocol. Source: libp2p's circuit-v2 specification. */
export const OK = 100;
export const NO_RESERVATION = 204;
const HOP_CONNECT = 1;
const STOP_CONNECT = 0;
const STOP_STATUS = 1;

/** Fields of a message by their numbers: whole numbers and bytes, the last of each. Throws RangeError for what is none. */
function fieldsOf(message: Uint8Array): Map<number, number | Uint8Array> {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const number = () => {
    for (let value = 0, scale = 1; scale <= 2 ** 63; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) break;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw new RangeError("expected a number of the relays' protocol, got its beginning");
  };
  while (at < message.byteLength) {
    const tag = number();
    const value = number();
    if (tag % 8 === 0) fields.set(tag >> 3, value);
    else if (tag % 8 === 2 && value <= message.byteLength - at) {
      fields.set(tag >> 3, message.subarray(at, at + value));
      at += value;
    } else throw new RangeError(`expected a field of the relays' protocol, got tag ${tag}`);
  }
  return fields;
}

/** A message with its length before it. */
function framed(...parts: readonly Uint8Array[]): Uint8Array {
  const message = concatBytes(...parts);
  if (message.byteLength > 127)
    throw new RangeError(`a message of at most 127 bytes is sent, got ${message.byteLength}`);
  return concatBytes(Uint8Array.of(message.byteLength), message);
}

/** Asks a relay for a way to a peer. `id`: its multihash, of at most 100 bytes. */
export function connectTo(id: Uint8Array): Uint8Array {
  const peer = concatBytes(Uint8Array.of(0x0a, id.byteLength), id);
  return framed(Uint8Array.of(0x08, HOP_CONNECT, 0x12, peer.byteLength), peer);
}

/** The status in a relay's answer, undefined if it holds none. */
export function statusOf(answer: Uint8Array): number | undefined {
  const status = fieldsOf(answer).get(5);
  return typeof status === "number" ? status : undefined;
}

/** Says to the relay that the way may be joined. */
export const accepted = (): Uint8Array => framed(Uint8Array.of(0x08, STOP_STATUS, 0x20, OK));

/** Who calls, by what a relay says of it: a multihash, undefined if the message is no call. */
export function callerOf(request: Uint8Array): Uint8Array | undefined {
  const fields = fieldsOf(request);
  const peer = fields.get(2);
  if (fields.get(1) !== STOP_CONNECT || !(peer instanceof Uint8Array)) return undefined;
  const id = fieldsOf(peer).get(1);
  return id instanceof Uint8Array ? id : undefined;
}

/** Reads a stream piece by piece, from the call on. Whoever reads it after this one has to be given back what was read. */
export interface Reader {
  /** The next message. Rejects for one above MAX_MESSAGE, when the stream ends, or with the signal's reason. */
  message(): Promise<Uint8Array>;
  /** As `message`, for so many bytes. */
  bytes(count: number): Promise<Uint8Array>;
  /** Rejects when the stream ends, or the signal fires. */
  readonly broken: Promise<never>;
  /** Stops listening. */
  end(): void;
  /** Stops listening: all that came can be read again. */
  giveBack(): void;
}

export function readerOf(stream: Stream, signal: AbortSignal): Reader {
  let came = new Uint8Array(0);
  let read = 0;
  let wake = Promise.withResolvers<void>();
  const end = Promise.withResolvers<never>();
  end.promise.catch(() => {}); // whoever reads is told
  const over = new AbortController();
  const on = { signal: over.signal };
  stream.addEventListener(
    "message",
    ({ data }) => {
      came = concatBytes(came, data.subarray());
      if (came.byteLength > MOST_KEPT) {
        over.abort();
        end.reject(new RangeError(`expected at most ${MOST_KEPT} bytes, got ${came.byteLength}`));
      }
      wake.resolve();
      wake = Promise.withResolvers();
    },
    on,
  );
  stream.addEventListener("close", () => end.reject(new Error("the stream ended")), on);
  stream.addEventListener("remoteCloseWrite", () => end.reject(new Error("the stream ended")), on);
  signal.addEventListener("abort", () => end.reject(signal.reason), on);
  if (signal.aborted) end.reject(signal.reason);
  const bytes = async (count: number) => {
    while (came.byteLength - read < count) await Promise.race([wake.promise, end.promise]);
    read += count;
    return came.slice(read - count, read);
  };
  return {
    broken: end.promise,
    bytes,
    async message() {
      let size = 0;
      for (let scale = 1; ; scale *= 128) {
        const [byte = 0] = await bytes(1);
        size += (byte & 127) * scale;
        if (size > MAX_MESSAGE || scale > 128)
          throw new RangeError(`expected a message of at most ${MAX_MESSAGE} bytes, got ${size}`);
        if (byte < 128) return bytes(size);
      }
    },
    end: () => over.abort(),
    giveBack() {
      over.abort();
      if (came.byteLength > 0) stream.unshift(came);
    },
  };
}
