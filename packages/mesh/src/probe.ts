/**
 * A tab's probe of its own way: it calls itself through a relay that holds a slot for it, over the connection that it has there, and
 * the numbers that it sends must come back as a call does. So a relay is told that gives slots and passes nothing on: its socket lives. A
 * way stays open for some probes, as opening one costs the relay ten times what passing a number on does.
 */
import { RELAY_V2_HOP_CODEC } from "@libp2p/circuit-relay-v2";
import type { Connection, PeerId as Libp2pPeerId, Stream } from "@libp2p/interface";
import { equalBytes, type Random, toError, toHex } from "@tabcast/runtime";
import {
  accepted,
  callerOf,
  connectTo,
  NO_RESERVATION,
  OK,
  readerOf,
  statusOf,
} from "./circuit.ts";
import { leash } from "./leash.ts";
import type { PeerId } from "./mesh.ts";
import { PROBE_BYTES } from "./rates.ts";

/** Milliseconds for which a way is used; then the next probe opens another. A relay may end it after 60 s. */
const WAY_FOR = 24_000;
/** Numbers that are read of one way. */
const MOST_NUMBERS = 64;

/** What a relay did with a probe: brought it back; said that it holds no slot for this tab; said another no. */
export type Probed = "came back" | "no slot" | "refused";

export interface ProbeOptions {
  readonly random: Random;
  /** Milliseconds of a clock. */
  readonly now: number;
  /** Whether a way is opened for it in any case. */
  readonly fresh: boolean;
  /** Called when the relay has said anything at all. */
  heard(): void;
  /** Ends the probe. */
  readonly signal: AbortSignal;
}

export interface Probes {
  /** Calls this tab through the relay at the other end. Rejects with the signal's reason, or if the way there breaks. */
  send(connection: Connection, options: ProbeOptions): Promise<Probed>;
  /** Looks at a call that a relay brings. True if this tab made it: then it is dealt with. Nothing is lost of any other. */
  take(stream: Stream, relay: PeerId, signal: AbortSignal): Promise<boolean>;
}

interface Way {
  readonly stream: Stream;
  readonly opened: number;
}

/** No probe is under way. */
export function probesOf(self: Libp2pPeerId): Probes {
  const id = self.toMultihash().bytes;
  const waiting = new Map<string, () => void>();
  const ways = new WeakMap<Connection, Way>();
  const keyOf = (relay: PeerId, number: Uint8Array) => `${relay} ${toHex(number)}`;
  const over = (stream: Stream | undefined) => stream?.abort(new Error("the probe is over"));

  /** The way that is open, or a new one; the relay's answer if it opens none. */
  async function wayOver(
    connection: Connection,
    { now, fresh, heard }: ProbeOptions,
    signal: AbortSignal,
  ): Promise<Way | Probed> {
    const before = ways.get(connection);
    const usable = before?.stream.status === "open" && now - before.opened < WAY_FOR;
    if (usable && !fresh) return before;
    over(before?.stream);
    ways.delete(connection);
    const stream = await connection.newStream(RELAY_V2_HOP_CODEC, { signal });
    // Opened once the other side has agreed on the protocol.
    heard();
    const reader = readerOf(stream, signal);
    try {
      stream.send(connectTo(id));
      const status = statusOf(await reader.message());
      if (status !== OK) {
        over(stream);
        return status === NO_RESERVATION ? "no slot" : "refused";
      }
    } catch (thrown) {
      over(stream);
      throw thrown;
    } finally {
      reader.end();
    }
    const way = { stream, opened: now };
    ways.set(connection, way);
    return way;
  }

  async function send(connection: Connection, options: ProbeOptions): Promise<Probed> {
    const number = options.random.bytes(PROBE_BYTES);
    const key = keyOf(connection.remotePeer.toString(), number);
    const back = Promise.withResolvers<Probed>();
    waiting.set(key, () => back.resolve("came back"));
    const tied = leash(options.signal);
    try {
      const way = await wayOver(connection, options, tied.signal);
      if (typeof way === "string") return way;
      const reader = readerOf(way.stream, tied.signal);
      way.stream.send(number);
      return await Promise.race([back.promise, reader.broken]).finally(() => reader.end());
    } finally {
      waiting.delete(key);
      tied.release();
    }
  }

  async function take(stream: Stream, relay: PeerId, signal: AbortSignal): Promise<boolean> {
    const tied = leash(signal);
    const reader = readerOf(stream, tied.signal);
    const next = async () => waiting.get(keyOf(relay, await reader.bytes(PROBE_BYTES)))?.();
    try {
      const caller = callerOf(await reader.message());
      if (caller === undefined || !equalBytes(caller, id)) {
        reader.giveBack();
        return false;
      }
      stream.send(accepted());
      await next();
    } catch (thrown) {
      stream.abort(toError(thrown));
      return true;
    } finally {
      tied.release();
    }
    void (async () => {
      for (let n = 1; n < MOST_NUMBERS; n++) await next();
    })()
      .catch(() => {}) // it ended, as it should
      .finally(() => over(stream));
    return true;
  }
  return { send, take };
}
