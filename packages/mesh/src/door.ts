/** Who may come in, before it is known who that is: places for handshakes, and connections of one address. */
import type { ConnectionGater, MultiaddrConnection } from "@libp2p/interface";
import { mendReset } from "./sockets.ts";

/** A handshake that is under way. */
export interface Arrival {
  /** Who says that it comes: a peer, or an address. Any number of them may be made up. */
  readonly from: string;
  /** What it comes by, of which there are few: a relay, or a network. */
  readonly by: string;
}

/**
 * Whose handshake ends, so that a newcomer has a place: of whoever has most of them under way, then of what most come by, the oldest.
 * `arrivals` are in the order in which they came; undefined if there are none.
 */
export function crowdedOut<T extends Arrival>(arrivals: readonly T[]): T | undefined {
  const most = (of: readonly T[], key: "from" | "by") => {
    const counts = new Map<string, number>();
    for (const one of of) counts.set(one[key], (counts.get(one[key]) ?? 0) + 1);
    const top = Math.max(...counts.values());
    return of.filter((one) => counts.get(one[key]) === top);
  };
  return arrivals.length === 0 ? undefined : most(most(arrivals, "from"), "by")[0];
}

export interface DoorOptions {
  /** Handshakes that may be under way. */
  readonly most: number;
  /** Whose and by what an arrival is. */
  readonly arrivalOf: (connection: MultiaddrConnection) => Arrival;
  /** Connections, from their first byte to their end, that may be there `by` the same; undefined for any number. Default: any number. */
  readonly mostBy?: (by: string) => number | undefined;
  /** Ends one of those that are there `by` the same, for a newcomer; false if none may be ended. Default: none may. */
  readonly makeRoom?: (by: string) => boolean;
}

/** Of the connections that may be there by the same, one part in so many may be handshakes before these make room, and not who is through. */
const HANDSHAKE_PART = 4;

/** For libp2p's gater. Nobody has come yet. */
export function openDoor({
  most,
  arrivalOf,
  mostBy = () => undefined,
  makeRoom = () => false,
}: DoorOptions): Required<
  Pick<ConnectionGater, "denyInboundConnection" | "denyInboundUpgradedConnection">
> {
  const arriving = new Map<MultiaddrConnection, Arrival>();
  const inside = new Map<string, number>();
  const enter = (connection: MultiaddrConnection, arrival: Arrival) => {
    arriving.set(connection, arrival);
    inside.set(arrival.by, (inside.get(arrival.by) ?? 0) + 1);
    const leave = () => {
      arriving.delete(connection);
      const left = (inside.get(arrival.by) ?? 0) - 1;
      if (left > 0) inside.set(arrival.by, left);
      else inside.delete(arrival.by);
    };
    connection.addEventListener("close", leave, { once: true });
  };
  /** A place by the same as others that are there: one of them leaves if need be, or false. */
  const findRoom = (by: string): boolean => {
    const limit = mostBy(by) ?? Number.POSITIVE_INFINITY;
    if ((inside.get(by) ?? 0) < limit) return true;
    const hanging = [...arriving].filter(([, arrival]) => arrival.by === by);
    if (hanging.length * HANDSHAKE_PART < limit) return makeRoom(by);
    const [oldest] = hanging;
    oldest?.[0].abort(new Error("a newcomer needs its place"));
    return oldest !== undefined;
  };
  return {
    denyInboundConnection(connection) {
      mendReset({ maConn: connection });
      const arrival = arrivalOf(connection);
      if (!findRoom(arrival.by)) {
        connection.abort(new Error(`too many connections of ${arrival.by}`));
        return true;
      }
      enter(connection, arrival);
      if (arriving.size <= most) return false;
      const all = [...arriving].map(([one, { from, by }]) => ({ one, from, by }));
      const out = crowdedOut(all)?.one;
      out?.abort(new Error("a newcomer needs its place"));
      return out === connection;
    },
    denyInboundUpgradedConnection(_, connection) {
      arriving.delete(connection);
      return false;
    },
  };
}
