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

/** As many milliseconds, where a newcomer has no place otherwise: who watches a stream asks each second or two. */
const AT_REST = 10_000;
/** Newcomers that may push out peers at rest. */
export const NEWCOMERS = 8;

/** One connection as it is now. Times are milliseconds of one clock. */
export interface Place {
  readonly id: string;
  readonly opened: number;
  /** When a request last began, in either direction; undefined if none did. */
  readonly asked: number | undefined;
  /** Of a relay, or of a peer that is kept as far as those go, and not `extra`; or one of the neighbours: not closed in any case. */
  readonly firm: boolean;
  /** Its peer has an older and two newer ones of its kind. */
  readonly extra: boolean;
  /** A request is under way. */
  readonly busy: boolean;
  /** Through a relay: only the way to a direct one. */
  readonly relayed: boolean;
}

/**
 * The connections to close so that no more than `max` direct and `maxRelayed` relayed ones are left, as far as that goes. In this order,
 * the oldest first: what is more than three of one peer, busy or not; who never asked or was asked and has had its time; newcomers beyond
 * the NEWCOMERS youngest; who asked IDLE_AFTER ago; who asked AT_REST ago; the other newcomers; and, of direct ones, who asked just now,
 * and who is busy: these only where a firm place would be one too many. So neither a crowd of newcomers nor one that asks now and then
 * keeps all others out.
 */
export function leavers(
  places: readonly Place[],
  { max, maxRelayed, now }: { readonly max: number; readonly maxRelayed: number; now: number },
): string[] {
  const isNew = ({ asked, opened }: Place) => asked === undefined && now - opened < GRACE;
  const last = ({ asked, opened }: Place) => asked ?? opened;
  const young = new Set(
    places
      .filter((place) => isNew(place) && !place.firm && !place.relayed)
      .sort((a, b) => b.opened - a.opened)
      .slice(0, NEWCOMERS),
  );
  const rank = (place: Place) => {
    if (place.extra) return -1;
    if (place.busy) return 6;
    if (place.asked === undefined) return isNew(place) ? (young.has(place) ? 4 : 1) : 0;
    const rests = now - place.asked;
    return rests >= IDLE_AFTER ? 2 : rests >= AT_REST ? 3 : 5;
  };
  const over = (all: readonly Place[], most: number, upTo: number) =>
    all
      .filter((place) => !place.firm && rank(place) <= upTo)
      .sort((a, b) => rank(a) - rank(b) || last(a) - last(b))
      .slice(0, Math.max(0, all.length - most))
      .map(({ id }) => id);
  const direct = places.filter(({ relayed }) => !relayed);
  const relayed = places.filter((place) => place.relayed);
  return [...over(direct, max, 6), ...over(relayed, maxRelayed, 5)];
}

/**
 * The first and the last two of each peer among connections of one kind, direct or through a relay: two tabs that have dialled each other
 * use the first of each, one more may be the spare of a race, and where one is dead the last is not. Whoever opens more gets no more.
 */
function fewOf(sorted: readonly Connection[]): ReadonlySet<Connection> {
  const kinds = Map.groupBy(sorted, (one) => `${one.limits == null} ${one.remotePeer.toString()}`);
  return new Set([...kinds.values()].flatMap((all) => [...all.slice(0, 1), ...all.slice(-2)]));
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
    if (all.length <= Math.min(max, MAX_RELAYED)) return;
    const since = (connection: Connection) => opened.get(connection) ?? 0;
    const neighbours = new Set(
      all
        .filter(({ limits, direction }) => limits == null && direction === "outbound")
        .sort((a, b) => since(a) - since(b))
        .slice(0, degree),
    );
    const few = fewOf(all.toSorted((a, b) => since(a) - since(b)));
    const last = (connection: Connection) => asked.get(connection) ?? since(connection);
    /** Those of kept peers that are firm: half of all places, for keys are free, and who hires or is hired may have many. */
    const ofKept = (relayed: boolean, most: number) =>
      all
        .filter((one) => (one.limits != null) === relayed && few.has(one))
        .filter(({ remotePeer }) => kept.has(remotePeer.toString()))
        .sort((a, b) => last(b) - last(a))
        .slice(0, most / 2);
    const firm = new Set([...neighbours, ...ofKept(false, max), ...ofKept(true, MAX_RELAYED)]);
    const places = all.map((connection): Place => {
      const peer = connection.remotePeer.toString();
      return {
        id: connection.id,
        opened: since(connection),
        asked: asked.get(connection),
        firm: firm.has(connection) || (relays.has(peer) && few.has(connection)),
        extra: !few.has(connection),
        busy: busy(connection),
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
