/** Gossipsub under the rules that a mesh was given: what is neither read, nor forwarded, nor told, and who is held to account. */
import type { GossipSub, GossipsubOpts, Message } from "@chainsafe/libp2p-gossipsub";
import type { PeerId as Libp2pPeer } from "@libp2p/interface";
import { BoundedMap, type Clock, concatBytes, type Random, sha256 } from "@tabcast/runtime";
import { MAX_GOSSIP } from "./frame.ts";
import { keyedHash } from "./keyed-hash.ts";
import { gossipLimits } from "./limits.ts";
import type { GossipRules, Name, PeerId } from "./mesh.ts";

/** Of a message's hash, in bytes: IHAVE and IWANT carry it. Source: SPEC.md 2. */
const ID_BYTES = 20;
/** Messages that are known to have come, and by whom, so that a copy costs nobody an allowance. */
const MOST_SEEN = 8_192;
/** What one rejected message costs whoever brought it: -2, and the square of their number; seven at once, and nothing more is read. */
const REJECTED_WEIGHT = -2;
/** Rejected messages are forgotten by 1 % a second: one after four minutes. */
const REJECTED_DECAY = 0.99;
/** A neighbour below these scores is told less, told nothing of ours, and not heard at all. Source: gossipsub's own. */
const [QUIET_BELOW, DUMB_BELOW, DEAF_BELOW] = [-10, -50, -80];
/** Keeps whom we trust above every threshold: a penalty by mistake must not cut a tab off from its relays. */
const TRUSTED_SCORE = 1e9;

/** A message as it came, before anything of it was checked. Of gossipsub's own type, which it does not export. */
interface Raw {
  readonly from?: Uint8Array;
  readonly seqno?: Uint8Array;
  readonly topic: Name;
  readonly data?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly key?: Uint8Array;
}

interface Rpc {
  readonly subscriptions: readonly unknown[];
  readonly messages: Raw[];
  readonly control?: { readonly ihave?: readonly unknown[] };
}

export interface GossipGuardOptions {
  readonly rules: GossipRules;
  /** Relays of our own configuration. */
  readonly trusted: ReadonlySet<PeerId>;
  readonly clock: Pick<Clock, "now">;
  readonly random: Random;
  /** Told when a relay of ours has brought a new message that passes, and of any other sign: a copy, or what it says that it has. */
  readonly brought?: (relay: PeerId, what: "message" | "sign") => void;
}

/** Largest body that a topic carries, in bytes. */
export const largestOn = (rules: GossipRules | undefined, topic: Name): number =>
  rules?.get(topic)?.largest ?? MAX_GOSSIP;

const text = new TextEncoder();
const NONE = new Uint8Array(0);

/**
 * A message's id: the first 20 bytes of SHA-256(topic, 0x00, author, sequence number, body). With an id of author and number alone, an
 * author that gives two bodies one number has those who pass on the good one punished for the bad one.
 */
async function messageId(message: Message): Promise<Uint8Array> {
  if (message.type !== "signed") throw new TypeError("gossip is signed");
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, message.sequenceNumber);
  const author = message.from.toMultihash().bytes;
  const all = concatBytes(
    text.encode(message.topic),
    Uint8Array.of(0),
    author,
    number,
    message.data,
  );
  return (await sha256(all)).subarray(0, ID_BYTES);
}

/** What is the same for copies of a message only: read before a signature is looked at, and under a key that nobody else knows. */
function quickId(random: Random): (message: Raw) => string {
  const hash = keyedHash([random.below(2 ** 32), random.below(2 ** 32)]);
  const known = new WeakMap<Raw, string>();
  return (message) => {
    const before = known.get(message);
    if (before !== undefined) return before;
    const { from = NONE, seqno = NONE, topic, data = NONE, signature = NONE, key = NONE } = message;
    const parts = [from, seqno, text.encode(topic), signature, key, data];
    const lengths = text.encode(parts.map(({ byteLength }) => byteLength).join());
    const id = hash(concatBytes(lengths, ...parts));
    known.set(message, id);
    return id;
  };
}

export interface GossipGuard {
  /** For `gossipsub()`. */
  readonly options: Partial<GossipsubOpts>;
  /** Puts the rules in force, before the node starts. */
  watch(pubsub: GossipSub): void;
  /** Passes nothing on to a neighbour for a minute, nor has it pass on to us: each tells the other what it has, and asks. */
  setAside(neighbour: PeerId): void;
}

/** What is used of gossipsub under its interface. Looked up with care, versions are pinned. */
interface Router {
  readonly mesh: ReadonlyMap<Name, Set<PeerId>>;
  handleReceivedRpc(from: Libp2pPeer, rpc: Rpc): Promise<void>;
  getScore(peer: PeerId): number;
  makePrune(peer: PeerId, topic: Name, exchange: false, leaving: false): Promise<unknown>;
  sendRpc(peer: PeerId, rpc: object): boolean;
}

/** Gossip under rules, for a tab and a relay alike. */
export function guardGossip(options: GossipGuardOptions): GossipGuard {
  const { rules, trusted, clock, random, brought = () => {} } = options;
  const idOf = quickId(random);
  let router: Router | undefined;
  const seen = new BoundedMap<string, Set<PeerId>>(MOST_SEEN);
  const limits = gossipLimits(rules, { clock, trusted: (peer) => trusted.has(peer) });
  const scored = {
    topicWeight: 1,
    timeInMeshWeight: 0,
    firstMessageDeliveriesWeight: 0,
    meshMessageDeliveriesWeight: 0,
    meshFailurePenaltyWeight: 0,
    invalidMessageDeliveriesWeight: REJECTED_WEIGHT,
    invalidMessageDeliveriesDecay: REJECTED_DECAY,
  };

  /** Whether a message is worth its signature's check: of a topic that we carry, and within what its bringer may bring. */
  const due = (topics: ReadonlySet<Name>, neighbour: PeerId) => (message: Raw) => {
    if (!topics.has(message.topic)) return false;
    const id = idOf(message);
    const bringers = seen.get(id);
    if (bringers === undefined && !limits.admits(message.topic, neighbour)) return false;
    if (bringers?.has(neighbour)) return false; // if it is a bad one, it would be looked at again
    if (bringers === undefined) seen.set(id, new Set([neighbour]));
    else bringers.add(neighbour);
    return true;
  };

  return {
    options: {
      msgIdFn: messageId,
      fastMsgIdFn: (message) => idOf(message as Raw),
      // To those who follow, and on from there: to all neighbours, one entry of 1.6 kB costs 63 times that of a broadcaster's uplink.
      floodPublish: false,
      // Tells when a message was judged.
      awaitRpcMessageHandler: true,
      scoreThresholds: {
        gossipThreshold: QUIET_BELOW,
        publishThreshold: DUMB_BELOW,
        graylistThreshold: DEAF_BELOW,
      },
      scoreParams: {
        // Peers met through a relay share its address: the default penalty silences a network of a dozen tabs.
        IPColocationFactorWeight: 0,
        behaviourPenaltyThreshold: 6,
        behaviourPenaltyWeight: -1,
        behaviourPenaltyDecay: 0.9,
        appSpecificScore: (peer) => (trusted.has(peer) ? TRUSTED_SCORE : 0),
        appSpecificWeight: 1,
        topics: Object.fromEntries([...rules.keys()].map((topic) => [topic, scored])) as never,
      },
    },
    watch(pubsub) {
      for (const [topic, { largest, judge }] of rules)
        pubsub.topicValidators.set(topic, async (_, { data, ...message }) => {
          if (message.type !== "signed" || data.byteLength > largest) return "reject" as never;
          return (await judge(data, message.from.toString())) as never;
        });
      pubsub.addEventListener("gossipsub:message", ({ detail }) => {
        const relay = detail.propagationSource.toString();
        if (trusted.has(relay)) brought(relay, "message");
      });
      const under = pubsub as unknown as Router;
      router = under;
      /** Copies come within milliseconds of each other: those of a message that is being judged wait, and are then known as copies. */
      const judging = new Map<string, Promise<void>>();
      const handle = under.handleReceivedRpc.bind(under);
      under.handleReceivedRpc = async (from, rpc) => {
        const neighbour = from.toString();
        if (under.getScore(neighbour) < DEAF_BELOW) return;
        const says = rpc.messages.length + (rpc.control?.ihave ?? []).length > 0;
        if (says && trusted.has(neighbour)) brought(neighbour, "sign");
        const messages = rpc.messages.filter(due(new Set(pubsub.getTopics()), neighbour));
        const [first, copies]: [Raw[], Raw[]] = [[], []];
        for (const message of messages) (judging.has(idOf(message)) ? copies : first).push(message);
        const handled = handle(from, { ...rpc, messages: first });
        for (const message of first) judging.set(idOf(message), handled);
        const late = copies.map(async (copy) => {
          await judging.get(idOf(copy))?.catch(() => {}); // told of where it came first
          await handle(from, { subscriptions: [], messages: [copy] });
        });
        const judged = handled.finally(() => {
          for (const message of first) judging.delete(idOf(message));
        });
        await Promise.all([judged, ...late]);
      };
    },
    setAside: (neighbour) => void (router && leaveMeshes(router, neighbour)),
  };
}

/** Leaves a neighbour's mesh of every topic, and has it leave ours. */
async function leaveMeshes(router: Router, neighbour: PeerId): Promise<void> {
  const prune = await Promise.all(
    [...router.mesh].flatMap(([topic, peers]) =>
      peers.delete(neighbour) ? [router.makePrune(neighbour, topic, false, false)] : [],
    ),
  );
  if (prune.length === 0) return;
  const control = { ihave: [], iwant: [], graft: [], prune, idontwant: [] };
  router.sendRpc(neighbour, { subscriptions: [], messages: [], control });
}
