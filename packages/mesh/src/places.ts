/** A tab's connections, and who leaves when there are too many: whoever neither asks nor serves makes room for a newcomer. */
import type { Connection } from "@libp2p/interface";
import type { Clock } from "@tabcast/runtime";
import type { PeerId } from "./mesh.ts";
import type { Relays } from "./routes.ts";
import type { Node } from "./supervise.ts";

/** Direct connections held; 500 `RTCPeerConnection`s are Chromium's ceiling, and we hold far fewer. */
export const MAX_CONNECTIONS = 64;
/** Connections through relays, on the way to a direct one, held at once. */
const MAX_RELAYED = 32;
/** Milliseconds that a newcomer has to ask or be asked before older ones that did are closed in its favour. */
export const GRACE = 10_000;
/** Milliseconds without a request, in either direction, after which a peer counts as idle. */
export const IDLE_AFTER = 60_000;

/** One connection as it is now. Times are milliseconds of one clock. */
export interface Place {
  readonly id: string;
  readonly opened: number;
  /** When a request last began, in either direction; undefined if none did. */
  readonly asked: number | undefined;
  /** A request is under way, the peer is kept, a relay, or one of the neighbours: not closed in any case. */
  readonly firm: boolean;
  /** Through a relay: only the way to a direct one. */
  readonly relayed: boolean;
}

/**
 * The connections to close so that no more than `max` direct and `maxRelayed` relayed ones are left, as far as that goes. In
 * this order, the oldest first: who never asked or was asked and has had its time, who has not had it yet, who did so long ago.
 */
export function leavers(
  places: readonly Place[],
  { max, maxRelayed, now }: { readonly max: number; readonly maxRelayed: number; now: number },
): string[] {
  const rank = ({ asked, opened }: Place) => {
    if (asked === undefined) return now - opened >= GRACE ? 0 : 1;
    return now - asked >= IDLE_AFTER ? 2 : 3;
  };
  const last = ({ asked, opened }: Place) => asked ?? opened;
  const over = (all: readonly Place[], most: number, from: number) =>
    all
      .filter((place) => !place.firm && rank(place) < from)
      .sort((a, b) => rank(a) - rank(b) || last(a) - last(b))
      .slice(0, Math.max(0, all.length - most))
      .map(({ id }) => id);
  return [
    ...over(
      places.filter(({ relayed }) => !relayed),
      max,
      3,
    ),
    ...over(
      places.filter(({ relayed }) => relayed),
      maxRelayed,
      4,
    ),
  ];
}

export interface PlacesOptions {
  readonly node: Pick<Node, "getConnections" | "addEventListener" | "removeEventListener">;
  readonly relays: Pick<Relays, "has">;
  /** Outbound connections that count as neighbours, the oldest of them. */
  readonly degree: number;
  /** Direct connections held. Default 64. */
  readonly max?: number | undefined;
  readonly clock: Clock;
  /** Peers whose connections are not closed. */
  readonly kept: ReadonlySet<PeerId>;
  busy(connection: Connection): boolean;
}

/** Closes connections when there are too many, until the returned `stop` is called. */
export function keepPlaces({
  node,
  relays,
  degree,
  max = MAX_CONNECTIONS,
  clock,
  kept,
  busy,
}: PlacesOptions): {
  /** A request begins on the connection, in either direction. */
  asked(connection: Connection): void;
  stop(): void;
} {
  const opened = new WeakMap<Connection, number>();
  const asked = new WeakMap<Connection, number>();
  const onOpen = ({ detail }: CustomEvent<Connection>) => {
    opened.set(detail, clock.now());
    const open = node.getConnections().filter(({ status }) => status === "open");
    // libp2p counts it only after it has told of it.
    const all = open.includes(detail) ? open : [...open, detail];
    const since = (connection: Connection) => opened.get(connection) ?? 0;
    const neighbours = new Set(
      all
        .filter(({ limits, direction }) => limits == null && direction === "outbound")
        .sort((a, b) => since(a) - since(b))
        .slice(0, degree),
    );
    const places = all.map((connection): Place => {
      const peer = connection.remotePeer.toString();
      return {
        id: connection.id,
        opened: since(connection),
        asked: asked.get(connection),
        firm: relays.has(peer) || kept.has(peer) || neighbours.has(connection) || busy(connection),
        relayed: connection.limits != null,
      };
    });
    const leave = new Set(leavers(places, { max, maxRelayed: MAX_RELAYED, now: clock.now() }));
    for (const connection of all)
      if (leave.has(connection.id))
        void connection.close().catch(() => connection.abort(new Error("others need its place")));
  };
  node.addEventListener("connection:open", onOpen);
  return {
    asked: (connection) => void asked.set(connection, clock.now()),
    stop: () => node.removeEventListener("connection:open", onOpen),
  };
}
