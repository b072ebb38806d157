/*
 * A stream carries frames: u32be head length | u32be body length | head | body.
 * A head length of 0xffffffff marks a signal; the second number then says which, and nothing follows.
 */
import { MeshError } from "./error.ts";
import type { Message } from "./mesh.ts";

/** Largest head, in bytes. Source: protocol's SPEC.md and facts on the mesh. */
export const MAX_HEAD = 65_536;

/** Largest gossip message, in bytes. */
export const MAX_GOSSIP = 65_536;

const SIGNAL = 0xffff_ffff;
/** What one side tells the other between messages. */
export const Signal = {
  /** What this side sends in parts is complete. Without it, a stream's end means that the peer was lost. */
  end: 0,
  /** A part was taken: its sender may send that much more. */
  next: 1,
  /** Refusals, followed by a reset. */
  tooLarge: 2,
  busy: 3,
  failed: 4,
} as const;

/** The eight bytes of a signal. */
export function signalFrame(signal: number): Uint8Array<ArrayBuffer> {
  return prefix(SIGNAL, signal);
}

/** The eight bytes before a message, and its head. */
export function messagePrefix({ head, body }: Message): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 + head.byteLength);
  bytes.set(prefix(head.byteLength, body.byteLength));
  bytes.set(head, 8);
  return bytes;
}

function prefix(first: number, second: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, first);
  view.setUint32(4, second);
  return bytes;
}

/** MESH_TOO_LARGE unless `size` fits. */
export function checkSize(what: "head" | "body" | "gossip", size: number, limit: number): void {
  if (size > limit)
    throw new MeshError(
      { code: "MESH_TOO_LARGE", what, size, limit },
      `a ${what} of ${size} bytes is over the limit of ${limit}`,
    );
}

export interface FrameEvents {
  /** Lengths are known and within limits; nothing was allocated yet. A throw refuses the frame. */
  announced(size: number): void;
  /** A message's head is here, and nothing of its body is kept yet. A throw refuses the message. */
  head?(head: Uint8Array, bodySize: number): void;
  message(message: Message): void;
  signal(signal: number): void;
}

/**
 * Takes bytes as they come and says what they hold. Memory held is at most 1 MiB or four times what has arrived of one
 * message, however long a peer claims it to be. Throws MESH_TOO_LARGE at the announcement, before anything of the message is kept;
 * `maxBody` is asked for each message.
 */
export function frameReader(maxBody: () => number, on: FrameEvents): (bytes: Uint8Array) => void {
  const lengths = new Uint8Array(8);
  const view = new DataView(lengths.buffer);
  let have = 0;
  let head: Filling | undefined;
  let body: Filling | undefined;
  let bodySize = 0;
  return (bytes) => {
    let at = 0;
    while (at < bytes.byteLength) {
      if (head === undefined) {
        const take = Math.min(8 - have, bytes.byteLength - at);
        lengths.set(bytes.subarray(at, at + take), have);
        at += take;
        have += take;
        if (have < 8) return;
        have = 0;
        const first = view.getUint32(0);
        const second = view.getUint32(4);
        if (first === SIGNAL) {
          on.signal(second);
          continue;
        }
        checkSize("head", first, MAX_HEAD);
        checkSize("body", second, maxBody());
        on.announced(first + second);
        head = filling(first);
        bodySize = second;
      }
      at += head.take(bytes, at);
      if (!head.full) continue;
      if (body === undefined) {
        on.head?.(head.bytes(), bodySize);
        body = filling(bodySize);
      }
      at += body.take(bytes, at);
      if (!body.full) continue;
      const message = { head: head.bytes(), body: body.bytes() };
      head = undefined;
      body = undefined;
      on.message(message);
    }
  };
}

interface Filling {
  readonly full: boolean;
  /** Copies what is wanted of `bytes` from `at` on, and says how much that was. */
  take(bytes: Uint8Array, at: number): number;
  bytes(): Uint8Array<ArrayBuffer>;
}

/** `size` bytes that are allocated as they come: a peer that announces much and sends little costs little. */
function filling(size: number): Filling {
  let buffer = new ArrayBuffer(Math.min(size, 1_048_576));
  let have = 0;
  return {
    get full() {
      return have === size;
    },
    take(bytes, at) {
      const take = Math.min(size - have, bytes.byteLength - at);
      if (have + take > buffer.byteLength)
        buffer = buffer.transfer(Math.min(size, Math.max(have + take, 4 * buffer.byteLength)));
      if (take > 0) new Uint8Array(buffer, have, take).set(bytes.subarray(at, at + take));
      have += take;
      return take;
    },
    bytes: () => new Uint8Array(buffer, 0, size),
  };
}
