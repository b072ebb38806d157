/**
 * Renditions on their way while they are made: what a worker sends ahead of its receipt, and what a broadcaster makes of it. The
 * samples go out as they are encoded, the heads, which name every sample, last. Nothing that came so is believed before it
 * hashes to what the receipt says; what is missing or different then is pulled by its hash.
 */
import type { Fragment, Made, Transcoded } from "@tabcast/media";
import { MAX_INIT, MAX_PART, type Piece, type Rendition } from "@tabcast/protocol";
import { concatBytes, equalBytes, sha256 } from "@tabcast/runtime";
import { type Holding, holdBoth, openHolding } from "./holding.ts";

/** Pieces of renditions and their bytes, as one part of an answer carries them. */
export interface Pieces {
  readonly pieces: Piece[];
  readonly body: Uint8Array<ArrayBuffer>;
}

/** The worker's end. Holds what was made and not yet sent. */
export interface Outgoing {
  /** Takes samples; those that begin at zero again replace what came before. */
  add(made: Made): void;
  /** The renditions are complete: what was not told of them follows, and their heads. */
  finish(renditions: readonly Transcoded[]): void;
  /** The oldest bytes that were not sent, at most MAX_PART of them; undefined if there are none. */
  next(): Pieces | undefined;
}

export function openOutgoing(rungs: number): Outgoing {
  interface Lane {
    /** Bytes of samples that were sent, and those that wait. */
    sent: number;
    waiting: number;
    samples: Uint8Array[];
    head: Uint8Array | undefined;
  }
  const lanes = Array.from(
    { length: rungs },
    (): Lane => ({ sent: 0, waiting: 0, samples: [], head: undefined }),
  );

  /** Up to `most` bytes of a lane's samples, not yet put together: they are copied once, into the part. */
  function take(lane: Lane, most: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let room = most;
    while (room > 0) {
      const first = lane.samples.shift();
      if (first === undefined) break;
      const part = first.subarray(0, room);
      if (part.byteLength < first.byteLength) lane.samples.unshift(first.subarray(room));
      taken.push(part);
      room -= part.byteLength;
    }
    return taken;
  }

  return {
    add({ rung, at, bytes }) {
      const lane = lanes[rung];
      if (lane === undefined || bytes.byteLength === 0) return;
      if (at === 0) Object.assign(lane, { sent: 0, waiting: 0, samples: [] });
      lane.samples.push(bytes);
      lane.waiting += bytes.byteLength;
    },
    finish(renditions) {
      for (const [i, { init, media, headLen }] of renditions.entries()) {
        const lane = lanes[i];
        if (lane === undefined) continue;
        const rest = media.subarray(headLen + lane.sent + lane.waiting);
        if (rest.byteLength > 0) lane.samples.push(rest);
        lane.waiting += rest.byteLength;
        lane.head = concatBytes(init, media.subarray(0, headLen));
      }
    },
    next() {
      const pieces: Piece[] = [];
      const bodies: Uint8Array[] = [];
      let room = MAX_PART;
      for (const [rung, lane] of lanes.entries()) {
        if (lane.waiting > 0 && room > 0) {
          const samples = take(lane, room);
          const len = samples.reduce((sum, { byteLength }) => sum + byteLength, 0);
          pieces.push({ rung, head: false, at: lane.sent, len });
          bodies.push(...samples);
          room -= len;
          lane.sent += len;
          lane.waiting -= len;
        }
        const { head, waiting } = lane;
        if (head === undefined || waiting > 0 || head.byteLength > room) continue;
        pieces.push({ rung, head: true, at: 0, len: head.byteLength });
        bodies.push(head);
        room -= head.byteLength;
        lane.head = undefined;
      }
      return pieces.length === 0 ? undefined : { pieces, body: concatBytes(...bodies) };
    },
  };
}

/** The broadcaster's end: what came of one job's renditions. */
export interface Incoming {
  /** Takes one part. False if it does not continue what came before: its sender does not keep to the protocol. */
  put(pieces: readonly Piece[], body: Uint8Array<ArrayBuffer>): boolean;
  /**
   * A rendition that came whole and, as its `holding` has it, hashes to what was promised, once; else undefined, and it has to be pulled.
   * Default: a public stream's.
   */
  take(
    rung: number,
    promised: Rendition,
    of?: { readonly holding: Holding; readonly seq: number },
  ): Promise<Pick<Fragment, "init" | "media"> | undefined>;
}

/** `most`: bytes that a media segment of each rung may have; of what would be longer nothing is kept. */
export function openIncoming(most: readonly number[]): Incoming {
  const lanes = most.map((limit) => ({
    limit,
    size: 0,
    samples: [] as Uint8Array[],
    head: undefined as Uint8Array | undefined,
    lost: false,
  }));
  const drop = (lane: (typeof lanes)[number]) =>
    Object.assign(lane, { lost: true, samples: [], head: undefined });
  return {
    put(pieces, body) {
      if (pieces.reduce((sum, { len }) => sum + len, 0) !== body.byteLength) return false;
      let from = 0;
      for (const { rung, head, at, len } of pieces) {
        const bytes = body.slice(from, from + len); // a view of one byte would keep the whole part
        from += len;
        const lane = lanes[rung];
        if (lane === undefined) return false;
        if (lane.lost) continue;
        if (head) lane.head = bytes;
        else {
          if (at !== lane.size && at !== 0) return false;
          if (at === 0) Object.assign(lane, { size: 0, samples: [] });
          lane.samples.push(bytes);
          lane.size += len;
        }
        const whole = lane.size + (lane.head?.byteLength ?? 0);
        if (whole > lane.limit + MAX_INIT) drop(lane);
      }
      return true;
    },
    async take(rung, promised, { holding, seq } = { holding: openHolding(undefined), seq: 0 }) {
      const { initHash, mediaHash, rung: track } = promised;
      const [initLen, mediaLen] = [
        promised.initLen - holding.more,
        promised.mediaLen - holding.more,
      ];
      const lane = lanes[rung];
      const { head, samples } = lane ?? {};
      if (lane === undefined || head === undefined || samples === undefined) return undefined;
      drop(lane);
      if (head.byteLength + lane.size !== initLen + mediaLen) return undefined;
      const init = head.slice(0, initLen) as Uint8Array<ArrayBuffer>;
      const media = concatBytes(head.subarray(initLen), ...samples);
      const held = await holdBoth(holding, { init, media }, { seq, track });
      const [initGot, mediaGot] = await Promise.all([sha256(held.init), sha256(held.media)]);
      const same = equalBytes(initGot, initHash) && equalBytes(mediaGot, mediaHash);
      return same ? { init, media } : undefined;
    },
  };
}
