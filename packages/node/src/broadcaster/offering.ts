import { type PayerPot, Wire } from "@tabcast/channel";
import { type Crew, Hire } from "@tabcast/market";
import type { Mesh, PeerId } from "@tabcast/mesh";
import {
  Accept,
  Bye,
  type Loose,
  OFFERS_TOPIC,
  type Offer,
  offersTopic,
  PROTOCOLS,
  type Signer,
  sealAward,
  sealClosed,
  sealOffer,
  sealPrivateOffer,
  streamTopic,
} from "@tabcast/protocol";
import { risingTime, toHex } from "@tabcast/runtime";
import { ask } from "../exchange.ts";
import type { StreamContext } from "./context.ts";

/** How long an award may travel, a cold dial included, in milliseconds; the crew gives it up by its own rule. */
const AWARD_MS = 15_000;
/** How long a worker may take to hear a goodbye, in milliseconds. */
const BYE_MS = 2_000;

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

export type OfferingContext = Pick<
  StreamContext,
  "mesh" | "config" | "clock" | "secrets" | "on" | "signal"
>;

export interface OfferingOptions {
  readonly keys: Signer;
  readonly need: Crew.Need;
  readonly facts: OfferFacts;
  readonly pot: PayerPot;
  /** Where what is asked of others is counted. */
  readonly metered: Mesh;
  /** What came of an award: "accepted" or "refused". */
  readonly tell: (event: Crew.Event) => void;
  /** The member of the crew as it is now. */
  readonly member: (worker: PeerId) => Crew.Member | undefined;
}

/** Says what a stream has to say to workers: offers, awards and goodbyes. Decides nothing. */
export interface Offering {
  /** Tells the offer to a part of the workers, each time to the next part. */
  offer(effect: Omit<Extract<Crew.Effect, { readonly do: "offer" }>, "do">): void;
  /** No bid on this offer is taken any more. */
  closed(offer: Uint8Array): void;
  award(member: Crew.Member, offer: Uint8Array): void;
  /** A worker that is not told keeps its engagement with us and never bids again. */
  bye(member: Crew.Member, why: string): void;
}

export function openOffering(context: OfferingContext, options: OfferingOptions): Offering {
  const { mesh, config, clock, secrets, on, signal } = context;
  const { keys, need, facts, pot, metered, tell, member: current } = options;
  const stream = keys.publicKey;
  const time = risingTime(clock);
  const wirePot = Wire.fromPot(pot.domain, pot.config);

  const warn = (what: string) => (error: unknown) => {
    if (!signal.aborted) on({ type: "warning", message: `${what}: ${String(error)}` });
  };

  /** The topics on which the newest offer was told. */
  let told: { readonly id: string; readonly topics: Set<string> } | undefined;

  /** Where an offer is told next. Where it begins is chance: its id is. */
  function topicOf({ id, repeats, unanswered }: Parameters<Offering["offer"]>[0]): string {
    const parts = Hire.partsFor(mesh.population(OFFERS_TOPIC), unanswered);
    const topic = offersTopic(parts, (id[0] ?? 0) + repeats);
    if (told?.id !== toHex(id)) told = { id: toHex(id), topics: new Set() };
    told.topics.add(topic);
    return topic;
  }

  async function publishOffer(one: Parameters<Offering["offer"]>[0]): Promise<void> {
    const { id } = one;
    const offer = {
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
      atMs: Math.round(time()),
    };
    if (secrets === undefined) return metered.publish(topicOf(one), await sealOffer(keys, offer));
    // None but its crew hears that it has work.
    await metered.publish(streamTopic(stream), await sealPrivateOffer(keys, offer, secrets));
  }

  async function sendAward(member: Crew.Member, offer: Uint8Array): Promise<void> {
    const { award: id, worker, epoch, price, payee, lane, role } = member;
    try {
      const terms = { id, offer, stream, worker, epoch, role, price, payee, lane, pot: wirePot };
      const sealed = await sealAward(keys, terms);
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
      if (!ok || current(worker)?.epoch !== epoch) return;
      on({ type: "hired", worker, role, payee: `0x${toHex(payee)}` });
      await mesh.keep(worker, true);
    } catch {
      tell({ type: "refused", worker, epoch, now: clock.now() });
    }
  }

  return {
    offer: (one) => void publishOffer(one).catch(warn("the offer could not be sent")),
    closed(offer) {
      // A private crew is few: who bids too late is told so, and nobody else is told anything.
      if (secrets !== undefined) return;
      const topics = told?.id === toHex(offer) ? [...told.topics] : [OFFERS_TOPIC];
      sealClosed(keys, { offer, stream, broadcaster: mesh.self })
        .then((sealed) => Promise.all(topics.map((topic) => metered.publish(topic, sealed))))
        .catch(warn("the end of an offer could not be sent"));
    },
    award: (member, offer) => void sendAward(member, offer),
    bye({ worker, award }, why) {
      const bye = Bye.encode({ why, finishing: why === "ended", award });
      const wait = clock.timeout(BYE_MS);
      ask(metered, worker, PROTOCOLS.bye, bye, { signal: wait }).catch(() => {}); // it is gone after all
    },
  };
}
