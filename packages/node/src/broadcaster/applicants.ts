import type { PayeeProof, PayerPot } from "@tabcast/channel";
import { type Crew, Screen } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import {
  BidReply,
  Bye,
  openBid,
  openEquivocation,
  PROOFS_TOPIC,
  PROTOCOLS,
  peerIdOf,
  publicKeyOf,
} from "@tabcast/protocol";
import { Amount, BoundedMap, equalBytes } from "@tabcast/runtime";
import { answer } from "../exchange.ts";
import type { RateLimiter } from "../rate-limiter.ts";
import type { OfferingContext } from "./offering.ts";
import { openPayees } from "./payees.ts";
import { type Records, whoseOf } from "./records.ts";

/** The longest wait that a refused bid is told of, in milliseconds. */
const MOST_RETRY_MS = 3_600_000;

export interface ApplicantsOptions {
  readonly pot: PayerPot;
  /** Who may work for the stream at all. */
  readonly policy: Screen.Policy;
  readonly records: Records;
  /** Checks payees' proofs. Default: channel's own. */
  readonly verifyPayee?: typeof PayeeProof.verify | undefined;
  readonly limiter: RateLimiter;
  readonly member: (worker: PeerId) => Crew.Member | undefined;
  /** Whether a bid of this worker's is in hand. */
  readonly bids: (worker: PeerId) => boolean;
  /** Bidders that the crew remembers. */
  readonly most: number;
  readonly tell: (event: Crew.Event) => readonly Crew.Effect[];
}

/** Hears what workers say, of themselves and of each other: bids, goodbyes and proofs. */
export interface Applicants {
  /** Where a worker said in its bid that it can be reached. */
  addrs(worker: PeerId): readonly string[];
}

export function serveApplicants(context: OfferingContext, options: ApplicantsOptions): Applicants {
  const { mesh, clock, on, signal } = context;
  const { pot, policy, records, limiter, member, tell } = options;
  const payees = openPayees(pot.domain, options.verifyPayee);
  /** Where viewers reach the workers that have bid; as bounded as what the crew remembers. */
  const addrs = new BoundedMap<PeerId, readonly string[]>(options.most);

  answer(mesh, PROTOCOLS.bid, signal, async (head, peer) => {
    const from = publicKeyOf(peer);
    if (from === undefined) return undefined;
    limiter.pass("bid", peer);
    const bid = await openBid(head, { from }).catch((error: unknown) => {
      limiter.refused("bid", peer, error);
      throw error;
    });
    const payee = await payees.of(bid, from);
    if (payee === "forged") limiter.dropped("bid", peer, "mis-signed");
    const payeeProven = payee === "proven";
    const known = whoseOf({ worker: peer, payee: bid.payee, payeeProven });
    const effects = tell({
      type: "bid",
      bid,
      now: clock.now(),
      payeeProven,
      denied: Screen.bid(bid, policy, { payee, suspendedFor: records.suspendedFor(known) }),
      honesty: records.honesty(known),
      measured: records.of(known).measured,
    });
    addrs.set(peer, bid.addrs);
    const reply = effects.find((effect) => effect.do === "answer");
    // Another stream of this tab may have made the offer.
    if (reply === undefined || reply.why === "unknown offer") return undefined;
    if (reply.ok)
      on({
        type: "bid",
        worker: peer,
        pixelsPerSecond: bid.pixelsPerS,
        price: Amount.of(bid.price),
      });
    const retryMs = Math.min(MOST_RETRY_MS, Math.ceil(reply.retryMs));
    return BidReply.encode({ ok: reply.ok, why: reply.why, retryMs });
  });
  const bye = (head: Uint8Array, peer: PeerId) => {
    const { award, finishing } = Bye.decode(head);
    const theirs = member(peer);
    // Of another stream of this tab, perhaps. One without an award is for all of them.
    if (theirs === undefined || (award.byteLength > 0 && !equalBytes(award, theirs.award)))
      return undefined;
    const now = clock.now();
    tell(
      finishing
        ? { type: "draining", worker: peer, now }
        : { type: "lost", worker: peer, fault: "left", now },
    );
    return new Uint8Array(0);
  };
  answer(mesh, PROTOCOLS.bye, signal, bye, { everybody: true });
  followProofs(context, options);
  mesh.watch(
    (event) => {
      if (event.type === "disconnected" && member(event.peer) !== undefined)
        tell({ type: "lost", worker: event.peer, fault: "left", now: clock.now() });
    },
    { signal },
  );

  return { addrs: (worker) => addrs.get(worker) ?? [] };
}

/**
 * Anybody's proof that a worker signed two receipts for one segment keeps it out, and costs it its engagement or its bid. Only of workers
 * that have worked here or bid now: keys are free, and a proof about one that was made for it says nothing of anybody.
 */
function followProofs(
  { mesh, config, clock, on, signal }: OfferingContext,
  { records, limiter, member, bids, tell }: ApplicantsOptions,
): void {
  async function take(sealed: Uint8Array, from: PeerId): Promise<void> {
    limiter.pass("proof", from);
    const { signer } = await openEquivocation(sealed);
    const worker = peerIdOf(signer);
    if (records.suspendedFor({ worker }) > config.trust.proofMs / 2) return; // known already
    const hired = member(worker);
    if (hired === undefined && !bids(worker) && !records.knows({ worker })) return;
    records.tell(hired === undefined ? { worker } : whoseOf(hired), { type: "proof" });
    on({ type: "proved", worker });
    tell({ type: "lost", worker, fault: "invalid", now: clock.now() });
  }
  mesh.subscribe(
    PROOFS_TOPIC,
    ({ from, body }) => {
      take(body.slice(), from).catch((error: unknown) => limiter.refused("proof", from, error));
    },
    { signal },
  );
}
