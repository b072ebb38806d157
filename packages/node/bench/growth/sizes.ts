/** How large messages are: those of the protocol's vectors, encoded. */
import {
  type Announce,
  type Entry,
  Keys,
  type Offer,
  peerIdOf,
  peersWire,
  sealAnnounce,
  sealClosed,
  sealEntry,
  sealOffer,
} from "@tabcast/protocol";
import { revive } from "../../../protocol/src/testing.ts";
import messages from "../../../protocol/vectors/messages.json" with { type: "json" };
import type { Sizes } from "./model.ts";

/** Gossipsub's own part of a message: author, number, topic, signature, key. Source: hostile.md, measured. */
const GOSSIP_BYTES = 190;
const random = () => crypto.getRandomValues(new Uint8Array(32));

/** The message of this name in the vectors. */
export const sample = <T>(name: string): T =>
  revive(messages.find(({ message }) => message === name)?.value ?? {}) as T;

/** Messages as they are encoded where a tab is reached through so many relays. */
export async function sizesOf(relays: number): Promise<Sizes> {
  const keys = await Keys.generate();
  const self = peerIdOf(random());
  const spoken = { stream: keys.publicKey, broadcaster: self };
  const addrs = Array.from(
    { length: relays },
    (_, n) =>
      `/dns4/relay${n}.example.org/tcp/443/tls/ws/p2p/${peerIdOf(random())}/p2p-circuit/webrtc/p2p/${self}`,
  );
  const { byteLength: listed } = await sealAnnounce(keys, {
    ...sample<Announce>("Announce"),
    ...spoken,
    addrs,
  });
  const entry = await sealEntry(keys, { ...sample<Entry>("Entry"), ...spoken });
  const offer = await sealOffer(keys, { ...sample<Offer>("Offer"), ...spoken, addrs });
  const closed = await sealClosed(keys, { offer: new Uint8Array(16), ...spoken });
  const peers = Array.from({ length: 16 }, () => ({
    peer: peerIdOf(random()),
    relays: [self],
  }));
  const gossip = ({ byteLength }: Uint8Array) => byteLength + GOSSIP_BYTES;
  return {
    announce: listed + GOSSIP_BYTES,
    listed,
    entry: gossip(entry),
    offer: gossip(offer),
    closed: gossip(closed),
    peers: peersWire.answer({ peers, relays: [], populations: new Map() }).byteLength,
  };
}
