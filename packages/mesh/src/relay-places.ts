/** Connections of one address at a relay, and which of them makes room for a newcomer from there: behind one address may be a whole school. */
import type { Connection } from "@libp2p/interface";
import type { Clock } from "@tabcast/runtime";
import type { PeerId } from "./mesh.ts";
import type { Node } from "./supervise.ts";

/** Milliseconds without a request after which one that holds no slot may be closed: long enough to read the list, or to dial a peer. */
export const AT_REST = 10_000;
/** Milliseconds that one has which is always in use: asking now and then would keep all others out. Who still needs it comes again. */
export const TURN = 60_000;

/** One connection as it is now. Times are milliseconds of one clock. */
export interface RelayPlace {
  readonly opened: number;
  /** Now where a request, or a way to another peer, is under way; else when the last request began, or `opened`. */
  readonly used: number;
  /** Its peer holds a slot, or is another relay: not closed in any case. */
  readonly firm: boolean;
}

/** The one to close: that has rested longest, for AT_REST at least, else the oldest that has had its turn; undefined if there is none. */
export function leaverOf<T extends RelayPlace>(places: readonly T[], now: number): T | undefined {
  const loose = places.filter(({ firm }) => !firm);
  return (
    loose.filter(({ used }) => now - used >= AT_REST).toSorted((a, b) => a.used - b.used)[0] ??
    loose.filter(({ opened }) => now - opened >= TURN).toSorted((a, b) => a.opened - b.opened)[0]
  );
}

export interface RelayPlacesOptions {
  readonly node: Pick<Node, "getConnections" | "addEventListener">;
  /** What a connection comes by: an address, or whatever hides any number of them. */
  readonly crowdOf: (connection: Connection) => string;
  readonly isFirm: (peer: PeerId) => boolean;
  readonly clock: Clock;
}

/** Follows a relay's connections for as long as its node lives. */
export function relayPlaces({ node, crowdOf, isFirm, clock }: RelayPlacesOptions): {
  /** A request begins on the connection. */
  asked(connection: Connection): void;
  /** Closes a connection of a crowd, as `leaverOf` says; false if there is none. */
  makeRoom(crowd: string): boolean;
} {
  const opened = new WeakMap<Connection, number>();
  const asked = new WeakMap<Connection, number>();
  node.addEventListener("connection:open", ({ detail }) => void opened.set(detail, clock.now()));
  return {
    asked: (connection) => void asked.set(connection, clock.now()),
    makeRoom(crowd) {
      const now = clock.now();
      // Gossip never ends.
      const isBusy = ({ streams }: Connection) =>
        streams.some(({ protocol }) => !protocol.startsWith("/meshsub/"));
      const places = node
        .getConnections()
        .filter((one) => one.direction === "inbound" && one.limits == null)
        .filter((one) => crowdOf(one) === crowd && one.status === "open")
        .map((connection) => {
          const since = opened.get(connection) ?? now;
          return {
            connection,
            opened: since,
            used: isBusy(connection) ? now : (asked.get(connection) ?? since),
            firm: isFirm(connection.remotePeer.toString()),
          };
        });
      const out = leaverOf(places, now);
      out?.connection.abort(new Error("a newcomer from its address needs its place"));
      return out !== undefined;
    },
  };
}
