import { type PayeeProof, type PayerPot, Wire } from "@tabcast/channel";
import { type Assign, type Config, Crew, Hire, Screen } from "@tabcast/market";
import type { Mesh, PeerId } from "@tabcast/mesh";
import {
  Accept,
  BidReply,
  Bye,
  type Loose,
  OFFERS_TOPIC,
  type Offer,
  openBid,
  openEquivocation,
  PROOFS_TOPIC,
  PROTOCOLS,
  peerIdOf,
  publicKeyOf,
  type Signer,
  sealAward,
  sealClosed,
  sealOffer,
} from "@tabcast/protocol";
import { type Clock, type Random, toHex, Wei } from "@tabcast/runtime";
import { answer, ask } from "../exchange.ts";
import type { Gate } from "../gate.ts";
import type { BroadcastEvent } from "../types.ts";
import { openPayees } from "./payees.ts";
import { type Records, whoseOf } from "./records.ts";

/** What an offer says that stays the same while the stream runs. */
export type OfferFacts = Omit<
  Loose<Offer>,
  | "id"
  | "stream"
  | "broadcaster"
  | "addrs"
  | "pot"
  | "ttlMs"
  | "atMs"
  | "slackMs"
  | "maxPrice"
  | "wanted"
>;

export interface HiringOptions {
  readonly mesh: Mesh;
  readonly keys: Signer;
  readonly need: Crew.Need;
  readonly facts: OfferFacts;
  readonly pot: PayerPot;
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  /** Who may work for the stream at all. */
  readonly policy: Screen.Policy;
  readonly records: Records;
  /** Checks payees' proofs. Default: channel's own. */
  readonly verifyPayee?: typeof PayeeProof.verify | undefined;
  readonly gate: Gate;
  /** Where what is asked of others is counted; `mesh` itself serves. */
  readonly metered: Mesh;
  readonly on: (event: BroadcastEvent) => void;
  /** Somebody was hired or is gone: look again who can work. */
  readonly changed: () => void;
  /** A member is gone: what it had in hand is lost. */
  readonly gone: (worker: PeerId) => void;
  readonly signal: AbortSignal;
}

/** Carries out what `Crew` decides: offers, answers, awards and goodbyes. Knows no segment. */
export interface Hiring {
  crew(): Crew.Crew;
  /** Who can be given a segment now. */
  hands(): readonly Assign.Hand[];
  member(worker: PeerId): Crew.Member | undefined;
  /** Whether this tab had better not rely on a worker that has its segment. */
  doubtful(worker: PeerId): boolean;
  /** Where a worker said in its bid that it can be reached. */
  addrs(worker: PeerId): readonly string[];
  tell(event: Crew.Event): void;
  /** To be called as time passes, at least ten times a second. */
  tick(): void;
}

/** How long an award may travel, a cold dial included, in milliseconds; the crew gives it up by its own rule. */
const AWARD_MS = 15_000;

export function openHiring(options: HiringOptions): Hiring {
  const { policy, records, gate, metered } = options;
  const { mesh, keys, need, facts, pot, config, clock, random, on, changed, gone, signal } =
    options;
  const stream = keys.publicKey;
  const wirePot = Wire.fromPot(pot.domain, pot.config);
  let crew = Crew.open(need);
  /** Where viewers reach who has bid; as bounded as what the crew remembers. */
  const addrs = new Map<PeerId, readonly string[]>();

  const payees = openPayees(pot.domain, options.verifyPayee);

  const isNewcomer = (member: Crew.Member) => records.newcomer(whoseOf(member));

  const warn = (what: string) => (error: unknown) => {
    if (!signal.aborted) on({ type: "warning", message: `${what}: ${String(error)}` });
  };

  async function publishOffer(id: Uint8Array): Promise<void> {
    const sealed = await sealOffer(keys, {
      ...facts,
      id,
      stream,
      broadcaster: mesh.self,
      addrs: mesh.addrs().slice(0, 8),
      pot: wirePot,
      slackMs: Math.round(need.slackMs),
      maxPrice: need.maxPrice,
      wanted: need.wanted,
      ttlMs: config.offerTtlMs,
      atMs: Math.round(clock.unix()),
    });
    await metered.publish(OFFERS_TOPIC, sealed);
  }

  async function sendAward(member: Crew.Member, offer: Uint8Array): Promise<void> {
    const { worker, epoch, price, payee, lane, role } = member;
    try {
      const sealed = await sealAward(keys, {
        id: member.award,
        offer,
        stream,
        worker,
        epoch,
        role,
        price,
        payee,
        lane,
        pot: wirePot,
      });
      const reply = await ask(metered, worker, PROTOCOLS.award, sealed, {
        signal: AbortSignal.any([signal, clock.timeout(AWARD_MS)]),
      });
      const { ok, why, retryMs } = Accept.decode(reply.head);
      if (!ok) on({ type: "dropped", worker, why: `refused: ${why}` });
      const now = clock.now();
      const declined = Hire.decline({ why, retryMs });
      tell(
        ok
          ? { type: "accepted", worker, epoch, now }
          : { type: "refused", worker, epoch, why: declined, now },
      );
      if (!ok || crew.members.get(worker)?.epoch !== epoch) return;
      on({ type: "hired", worker, role, payee: `0x${toHex(payee)}` });
      await mesh.keep(worker, true);
    } catch {
      tell({ type: "refused", worker, epoch, now: clock.now() });
    }
  }

  function act(effect: Crew.Effect): void {
    switch (effect.do) {
      case "offer":
        publishOffer(effect.id).catch(warn("the offer could not be sent"));
        return;
      case "closed":
        sealClosed(keys, { offer: effect.offer, stream })
          .then((sealed) => metered.publish(OFFERS_TOPIC, sealed))
          .catch(warn("the end of an offer could not be sent"));
        return;
      case "award":
        if (effect.why !== undefined) on({ type: "chosen", ...effect.why });
        void sendAward(effect.member, effect.offer);
        return;
      case "drop": {
        const { worker, state } = effect.member;
        void mesh.keep(worker, false).catch(() => {}); // it may be gone already
        if (effect.why !== "ended") {
          if (state !== "asked") on({ type: "dropped", worker, why: effect.why });
          gone(worker);
        }
        if (effect.why === "left") return;
        // A worker that is not told keeps its place here and never bids again.
        const { award } = effect.member;
        const bye = Bye.encode({ why: effect.why, finishing: effect.why === "ended", award });
        const wait = clock.timeout(2_000);
        ask(metered, worker, PROTOCOLS.bye, bye, { signal: wait }).catch(() => {}); // it is gone after all
        return;
      }
      case "answer":
        return; // returned to the bidder by `bid`
    }
  }

  function tell(event: Crew.Event): readonly Crew.Effect[] {
    const [next, effects] = Crew.step(crew, event, config, random);
    const backups = [...crew.members.values()].filter(({ role }) => role === "backup");
    crew = next;
    for (const { worker, epoch } of backups) {
      const now = next.members.get(worker);
      if (now?.epoch === epoch && now.role === "crew") on({ type: "promoted", worker });
    }
    for (const effect of effects) act(effect);
    changed();
    return effects;
  }

  answer(mesh, PROTOCOLS.bid, signal, async (head, peer) => {
    const from = publicKeyOf(peer);
    if (from === undefined) return undefined;
    gate.pass("bid", peer);
    const bid = await openBid(head, { from }).catch((error: unknown) => {
      gate.refused("bid", peer, error);
      throw error;
    });
    const payee = await payees.of(bid, from);
    if (payee === "forged") gate.dropped("bid", peer, "mis-signed");
    const payeeProven = payee === "proven";
    const known = whoseOf({ worker: peer, payee: bid.payee, payeeProven });
    const effects = tell({
      type: "bid",
      bid,
      now: clock.now(),
      payeeProven,
      denied: Screen.bid(bid, policy, { payee, outFor: records.outFor(known) }),
      honesty: records.honesty(known),
      measured: records.of(known).measured,
    });
    addrs.delete(peer);
    addrs.set(peer, bid.addrs);
    if (addrs.size > Crew.MOST_KNOWN) addrs.delete(addrs.keys().next().value as PeerId);
    const reply = effects.find((effect) => effect.do === "answer");
    // Another stream of this tab may have made the offer.
    if (reply === undefined || reply.why === "unknown offer") return undefined;
    if (reply.ok)
      on({ type: "bid", worker: peer, pixelsPerSecond: bid.pixelsPerS, price: Wei.of(bid.price) });
    const retryMs = Math.min(3_600_000, Math.ceil(reply.retryMs));
    return BidReply.encode({ ok: reply.ok, why: reply.why, retryMs });
  });
  answer(mesh, PROTOCOLS.bye, signal, (head, peer) => {
    if (!crew.members.has(peer)) return undefined;
    const { finishing } = Bye.decode(head);
    const now = clock.now();
    tell(
      finishing
        ? { type: "draining", worker: peer, now }
        : { type: "lost", worker: peer, fault: "left", now },
    );
    return new Uint8Array(0);
  });
  mesh.subscribe(
    PROOFS_TOPIC,
    ({ from, body }) => {
      const take = async (sealed: Uint8Array): Promise<void> => {
        gate.pass("proof", from);
        const { signer } = await openEquivocation(sealed);
        const worker = peerIdOf(signer);
        if (records.outFor({ worker }) > config.trust.proofMs / 2) return; // known already
        const member = crew.members.get(worker);
        records.tell(member === undefined ? { worker } : whoseOf(member), { type: "proof" });
        on({ type: "proved", worker });
        if (crew.members.has(worker))
          tell({ type: "lost", worker, fault: "invalid", now: clock.now() });
      };
      take(body.slice()).catch((error: unknown) => gate.refused("proof", from, error));
    },
    { signal },
  );
  mesh.watch(
    (event) => {
      if (event.type === "disconnected" && crew.members.has(event.peer))
        tell({ type: "lost", worker: event.peer, fault: "left", now: clock.now() });
    },
    { signal },
  );

  return {
    crew: () => crew,
    hands: () => Crew.hands(crew, config, isNewcomer),
    member: (worker) => crew.members.get(worker),
    doubtful: (worker) => Crew.doubtful(crew, worker),
    addrs: (worker) => addrs.get(worker) ?? [],
    tell: (event) => void tell(event),
    tick() {
      const at = Crew.wakeAt(crew, config);
      if (at !== undefined && at <= clock.now()) tell({ type: "tick", now: clock.now() });
    },
  };
}
