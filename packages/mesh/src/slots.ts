/** A tab's slots at relays: libp2p's circuit relay transport, held to the relays of the configuration. */
import { circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import type { Connection, PeerId as Libp2pPeerId, Stream, Transport } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { type Listeners, listeners } from "./listeners.ts";
import type { PeerId } from "./mesh.ts";
import { type Probed, type ProbeOptions, type Probes, probesOf } from "./probe.ts";
import type { Relays } from "./routes.ts";

/** Milliseconds a relay has to answer a reservation; libp2p's default of 5 s is short for a tab that is busy encoding. */
const RESERVE_TIMEOUT = 15_000;

/** Which relays hold a slot for this tab. */
export interface Slots {
  /** Relays that hold one, in the order in which they gave it. */
  held(): readonly PeerId[];
  /** Those of them that hold one and pass nothing on, as far as was noticed. */
  mute(): readonly PeerId[];
  /** Says whether a relay passes on what it should. */
  setMute(relay: PeerId, mute: boolean): void;
  /** Those that hold one and bring no gossip while others do. */
  quiet(): readonly PeerId[];
  setQuiet(relays: readonly PeerId[]): void;
  /** Asks a relay for a slot. Rejects if it gives none, or if none is needed. */
  reserve(relay: PeerId): Promise<void>;
  /** Calls this tab through the relay at the other end of a connection. Rejects if the way breaks, or with the signal's reason. */
  probe(connection: Connection, options: ProbeOptions): Promise<Probed>;
  /** Told when a slot is won or lost, or a relay falls mute or quiet, or speaks again. */
  readonly changed: Listeners<void>;
}

/** libp2p's own limit of time is joined to it. */
const never = new AbortController().signal;

/** What is used of the transport under libp2p's interface. Looked up with care, versions are pinned. */
interface Inside extends Transport {
  readonly discovery: { startDiscovery(): void };
  onStop(stream: Stream, connection: Connection): Promise<void>;
  readonly reservationStore: EventTarget & {
    readonly relayFilter: { remove(id: Uint8Array): boolean };
    addRelay(relay: Libp2pPeerId, type: "discovered" | "configured"): Promise<unknown>;
    hasReservation(relay: Libp2pPeerId): boolean;
  };
}

interface Given {
  readonly relay: Libp2pPeerId;
  readonly details: { readonly reservation: { addrs: Uint8Array[] } };
}

/**
 * The transport, and the slots it holds. libp2p reserves at any connected peer that speaks the relays' protocol, searches
 * and dials its peers for such ones, advertises whatever a relay lists, and reserves at whoever opens a stream in a relay's
 * name. Here only configured relays count, and the addresses that others are told are built from the configuration.
 */
export function slotsAt(relays: Relays): {
  readonly slots: Slots;
  transport(components: Parameters<ReturnType<typeof circuitRelayTransport>>[0]): Transport;
} {
  const held = new Set<PeerId>();
  const mute = new Set<PeerId>();
  let quiet: readonly PeerId[] = [];
  const changed = listeners<void>();
  let store: Inside["reservationStore"] | undefined;
  let probes: Probes | undefined;
  return {
    slots: {
      changed,
      held: () => [...held],
      mute: () => [...mute],
      setMute(relay, is) {
        if (!held.has(relay) || mute.has(relay) === is) return;
        if (is) mute.add(relay);
        else mute.delete(relay);
        changed.tell();
      },
      quiet: () => quiet,
      setQuiet(relays) {
        const now = relays.filter((relay) => held.has(relay));
        if (now.join() === quiet.join()) return;
        quiet = now;
        changed.tell();
      },
      async reserve(relay) {
        if (store === undefined) throw new Error("the node has no transport yet");
        const id = peerIdFromString(relay);
        // There a relay stays that failed once; when to ask again is for the supervisor to say.
        store.relayFilter.remove(id.toMultihash().bytes);
        await store.addRelay(id, "discovered");
      },
      async probe(connection, options) {
        if (probes === undefined) throw new Error("the node has no transport yet");
        return probes.send(connection, options);
      },
    },
    transport(components) {
      const inside = circuitRelayTransport({ reservationCompletionTimeout: RESERVE_TIMEOUT })(
        components,
      ) as Inside;
      store = inside.reservationStore;
      probes = probesOf(components.peerId);
      holdTo(relays, inside, async (stream, { remotePeer }) => {
        const signal = components.upgrader.createInboundAbortSignal(never);
        try {
          return (await probes?.take(stream, remotePeer.toString(), signal)) ?? false;
        } finally {
          signal.clear();
        }
      });
      // Before any listener of the transport's own: they read the addresses that are put here.
      store.addEventListener("relay:created-reservation", (event) => {
        const { relay, details } = (event as CustomEvent<Given>).detail;
        const [first] = relays.addresses(relay.toString());
        details.reservation.addrs = first === undefined ? [] : [first.bytes];
        held.add(relay.toString());
        changed.tell();
      });
      store.addEventListener("relay:removed", (event) => {
        const relay = (event as CustomEvent<Given>).detail.relay.toString();
        mute.delete(relay);
        quiet = quiet.filter((one) => one !== relay);
        if (held.delete(relay)) changed.tell();
      });
      return inside;
    },
  };
}

/** Has the transport know no relay but those of the configuration, and see no call that `isProbe` has dealt with. */
function holdTo(
  relays: Relays,
  inside: Inside,
  isProbe: (stream: Stream, connection: Connection) => Promise<boolean>,
): void {
  const { reservationStore, discovery } = inside;
  const addRelay = reservationStore.addRelay.bind(reservationStore);
  reservationStore.addRelay = async (relay, type) => {
    if (!relays.has(relay.toString())) throw new Error(`${relay} is no relay of the configuration`);
    return addRelay(relay, type);
  };
  // It would dial every peer that it hears of, to see whether it is a relay.
  discovery.startDiscovery = () => {};
  const onStop = inside.onStop;
  inside.onStop = async (stream, connection) => {
    if (!reservationStore.hasReservation(connection.remotePeer))
      stream.abort(new Error(`${connection.remotePeer} holds no slot for us`));
    else if (!(await isProbe(stream, connection))) await onStop(stream, connection);
  };
}
