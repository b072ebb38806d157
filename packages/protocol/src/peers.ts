import { MAX_KNOWN, PeersReply, PeersRequest } from "./messages.ts";
import { PROTOCOLS } from "./protocols.ts";

/** What a peer says of others, as the mesh has it. */
interface Said {
  readonly peers: readonly { readonly peer: string; readonly relays: readonly string[] }[];
  readonly relays: readonly string[];
  /** By topic: peers at the relay that says it, and in the whole network. */
  readonly populations: ReadonlyMap<string, { readonly here: number; readonly all: number }>;
}

/** Questions for peers, and answers, as bytes: what a mesh is given to ask with. */
export const peersWire = {
  protocol: PROTOCOLS.peers,
  ask: (): Uint8Array => PeersRequest.encode({ most: MAX_KNOWN }),
  /** Throws ProtocolError. */
  readAsk(head: Uint8Array): void {
    PeersRequest.decode(head);
  },
  answer: ({ peers, relays, populations }: Said): Uint8Array =>
    PeersReply.encode({
      peers,
      relays,
      populations: [...populations].map(([topic, { here, all }]) => ({ topic, here, all })),
    }),
  /** Throws ProtocolError. */
  read(head: Uint8Array): Said {
    const { peers, relays, populations } = PeersReply.decode(head);
    return {
      peers,
      relays,
      populations: new Map(populations.map(({ topic, here, all }) => [topic, { here, all }])),
    };
  },
};
