/**
 * A tab's probe of its own way: it calls itself through a relay that holds a slot for it, over the connection that it has there, and
 * the number that it sends must come back as a call does. So a relay is told that gives slots and passes nothing on: its socket lives.
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

/** Of the number that must come back, in bytes. */
const NUMBER = 32;

/** What a relay did with a probe: brought it back; said that it holds no slot for this tab; said another no. */
export type Probed = "came back" | "no slot" | "refused";

export interface ProbeOptions {
  readonly random: Random;
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

/** No probe is under way. */
export function probesOf(self: Libp2pPeerId): Probes {
  const id = self.toMultihash().bytes;
  const waiting = new Map<string, () => void>();
  const keyOf = (relay: PeerId, number: Uint8Array) => `${relay} ${toHex(number)}`;

  async function send(
    connection: Connection,
    { random, heard, signal }: ProbeOptions,
  ): Promise<Probed> {
    const relay = connection.remotePeer.toString();
    const back = Promise.withResolvers<Probed>();
    const number = random.bytes(NUMBER);
    const key = keyOf(relay, number);
    waiting.set(key, () => back.resolve("came back"));
    const tied = leash(signal);
    let stream: Stream | undefined;
    try {
      stream = await connection.newStream(RELAY_V2_HOP_CODEC, { signal: tied.signal });
      // Opened once the other side has agreed on the protocol.
      heard();
      const reader = readerOf(stream, tied.signal);
      stream.send(connectTo(id));
      const status = statusOf(await reader.message());
      if (status !== OK) return status === NO_RESERVATION ? "no slot" : "refused";
      stream.send(number);
      return await Promise.race([back.promise, reader.broken]);
    } finally {
      waiting.delete(key);
      stream?.abort(new Error("the probe is over"));
      tied.release();
    }
  }

  async function take(stream: Stream, relay: PeerId, signal: AbortSignal): Promise<boolean> {
    const tied = leash(signal);
    const reader = readerOf(stream, tied.signal);
    try {
      const caller = callerOf(await reader.message());
      if (caller === undefined || !equalBytes(caller, id)) {
        reader.leave();
        return false;
      }
      stream.send(accepted());
      waiting.get(keyOf(relay, await reader.bytes(NUMBER)))?.();
      stream.abort(new Error("the probe is over"));
    } catch (thrown) {
      stream.abort(toError(thrown));
    } finally {
      tied.release();
    }
    return true;
  }
  return { send, take };
}
