import { type Hex, type Purse, Wire } from "@tabcast/channel";
import { Hire } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { Accept, openAward, PROTOCOLS } from "@tabcast/protocol";
import { describe, fromHex, toHex } from "@tabcast/runtime";
import { answer } from "../exchange.ts";
import type { RateLimiter } from "../rate-limiter.ts";
import type { Audits } from "./audits.ts";
import type { AwardIds } from "./award-ids.ts";
import type { Bidding } from "./bidding.ts";
import type { WorkerContext } from "./context.ts";
import type { Credit } from "./credit.ts";
import type { Engagement, Engagements } from "./engagements.ts";

/** How long reading a pot from the chain may take, in milliseconds. */
const TRUST_MS = 10_000;
/** Pots that one broadcaster may have us read at once: each new one takes a lane. When more may come, in milliseconds. */
const MOST_READ = 4;
const READ_AGAIN_MS = 2_000;

export interface AwardsOptions {
  readonly purse: Purse;
  readonly limiter: RateLimiter;
  readonly bidding: Bidding;
  readonly ids: AwardIds;
  readonly engagements: Engagements;
  readonly credit: Pick<Credit, "opens">;
  readonly audits: Audits;
  /** False for an offer of a private stream whose crew was left, and for one in the open of a stream whose crew was joined. */
  readonly belongs: (hired: Pick<Engagement, "stream" | "crewKeys">) => boolean;
  /** This worker as it sees itself now. */
  readonly self: () => Omit<Hire.Standing, "payee" | "lane" | "offer" | "epoch" | "award">;
}

/** Takes awards that fit the offer and our bid, as `Hire.accept` says, and whose pot is good. */
export function serveAwards(context: WorkerContext, options: AwardsOptions): void {
  const { mesh, clock, on, signal } = context;
  const { purse, limiter, bidding, ids, engagements, credit, audits, belongs, self } = options;
  /** Pots that are being read, by broadcaster. */
  const reading = new Map<PeerId, number>();
  const yes = () => Accept.encode({ ok: true, why: "", retryMs: 0 });
  const no = (why: string, retryMs = 0) => Accept.encode({ ok: false, why, retryMs });

  answer(mesh, PROTOCOLS.award, signal, async (head, peer) => {
    const award = await openAward(head).catch((error: unknown) => {
      limiter.refused("award", peer, error);
      throw error;
    });
    const heard = bidding.heard(award.offer);
    if (heard === undefined) return undefined;
    const { offer, crewKeys } = heard;
    if (offer.broadcaster !== peer) return no("gone");
    const stream = toHex(award.stream);
    /** An engagement that this award has made: it comes again. */
    const made = () => {
      const engagement = engagements.get(award.id);
      return engagement?.stream === stream && engagement.award.epoch === award.epoch;
    };
    if (made()) return yes();
    const decide = () => {
      const [payee, epoch] = [fromHex(purse.payee), engagements.epoch(stream)];
      const drawn = ids.of(offer.id);
      return Hire.accept(award, { ...self(), payee, lane: purse.lane, offer, epoch, award: drawn });
    };
    const decision = decide();
    if (!decision.ok) {
      const replayed = award.epoch <= engagements.epoch(stream);
      if (decision.reason === "gone")
        limiter.dropped("award", peer, replayed ? "replayed" : "contradictory");
      return no(decision.reason, decision.retryMs);
    }
    const { domain, config } = Wire.toPot(award.pot);
    let potId: Hex;
    const reads = reading.get(peer) ?? 0;
    if (reads >= MOST_READ) return no("busy", READ_AGAIN_MS);
    reading.set(peer, reads + 1);
    try {
      const limits = AbortSignal.any([signal, clock.timeout(TRUST_MS)]);
      potId = await purse.trust(domain, config, { signal: limits });
    } catch (error) {
      const why = describe(error);
      on({ type: "refused", what: "award", why });
      return no(`pot: ${why}`.slice(0, 200));
    } finally {
      const others = (reading.get(peer) ?? 1) - 1;
      if (others > 0) reading.set(peer, others);
      else reading.delete(peer);
    }
    // Meanwhile the same award may have come again, or a newer one, or the owner has paused, or joined or left its private crew.
    if (made()) return yes();
    if (!belongs({ stream, crewKeys })) return no("gone");
    const still = decide();
    if (!still.ok) return no(still.reason, still.retryMs);
    if (!credit.opens({ potId, offer, award })) return no("pot: what it owes us is unpaid");
    ids.taken(offer.id);
    audits.begin(stream, offer.seedCommit);
    engagements.take({ award, offer, crewKeys, broadcaster: peer, potId });
    return yes();
  });
}
