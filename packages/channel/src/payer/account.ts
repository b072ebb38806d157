import type { Amount } from "@tabcast/runtime";
import { isAddressEqual } from "viem";
import type { Chain, PotEvent, Waits } from "../chain/chain.ts";
import { PotError } from "../config.ts";
import type { Address, Domain, Hex, Lane, Settlement } from "../types.ts";
import { laneKey } from "../voucher.ts";

/** What a pot's events add up to, and the transactions that they came with. */
interface Tally {
  readonly deposited: Amount;
  readonly paid: Amount;
  readonly refunded: Amount;
  readonly lanes: Settlement["lanes"];
  readonly hashes: Record<keyof Settlement["gas"], Set<Hex>>;
}

/** What moves a pot's money, and what ends it: nobody can emit these without paying for it. */
const COUNTED = ["Deposited", "Claimed", "CloseStarted", "CloseCancelled", "PotFinalized"] as const;

function tally(events: readonly PotEvent[]): Tally {
  let deposited = 0n;
  let paid = 0n;
  let refunded = 0n;
  const lanes = new Map<string, Lane & { paid: Amount }>();
  const hashes = { open: new Set<Hex>(), claimOrPay: new Set<Hex>(), close: new Set<Hex>() };
  for (const event of events) {
    if (event.type === "deposited") {
      deposited += event.amount;
      hashes.open.add(event.hash);
    } else if (event.type === "claimed") {
      paid += event.paid;
      hashes.claimOrPay.add(event.hash);
      const { payee, lane } = event;
      const key = laneKey(event);
      const before = lanes.get(key)?.paid ?? 0n;
      lanes.set(key, { payee, lane, paid: (before + event.paid) as Amount });
    } else if (event.type === "closing" || event.type === "reopened") {
      hashes.close.add(event.hash);
    } else if (event.type === "final") {
      refunded += event.refund;
      hashes.close.add(event.hash);
    }
  }
  return {
    deposited: deposited as Amount,
    paid: paid as Amount,
    refunded: refunded as Amount,
    lanes: [...lanes.values()],
    hashes,
  };
}

export interface AccountOptions extends Waits {
  readonly domain: Domain;
  readonly potId: Hex;
  /** Block from which the pot's events are read. */
  readonly from: bigint;
  /** The session key: what it was paid out of the pot was for gas, and counts as refunded. */
  readonly signer: Address;
  /** The transaction that withdrew the refund, if it is known: no event of the pot names it. */
  readonly withdrawn: Hex | undefined;
}

/** What a final pot cost and paid, from the chain alone. Throws POT_UNBALANCED, ChainError. */
export async function account(chain: Chain, options: AccountOptions): Promise<Settlement> {
  const { domain, potId, signer, from, withdrawn, signal } = options;
  const waits = { signal };
  const all = tally(await chain.events(potId, from, { ...waits, only: COUNTED }));
  const { deposited, hashes } = all;
  const own = (lane: Lane) => isAddressEqual(lane.payee, signer);
  const lanes = all.lanes.filter((lane) => !own(lane));
  const gasTaken = all.lanes.filter(own).reduce((sum, { paid }) => sum + paid, 0n);
  const [paid, refunded] = [(all.paid - gasTaken) as Amount, (all.refunded + gasTaken) as Amount];
  if (deposited !== paid + refunded || deposited === 0n)
    throw new PotError(
      { code: "POT_UNBALANCED", deposited, paid, refunded },
      `the chain shows ${deposited} parts deposited, ${paid} paid and ${refunded} refunded`,
    );
  if (withdrawn) hashes.close.add(withdrawn);
  // One transaction may appear under two heads: its gas counts under the first.
  const counted = new Set<Hex>();
  const gasOf = async (set: ReadonlySet<Hex>): Promise<bigint> => {
    let gas = 0n;
    for (const hash of set) {
      if (counted.has(hash)) continue;
      counted.add(hash);
      gas += (await chain.sent(hash, waits))?.gas ?? 0n;
    }
    return gas;
  };
  return {
    chainId: domain.chainId,
    contract: domain.contract,
    potId,
    deposited: deposited,
    paid: paid,
    refunded: refunded,
    lanes,
    gas: {
      open: await gasOf(hashes.open),
      claimOrPay: await gasOf(hashes.claimOrPay),
      close: await gasOf(hashes.close),
    },
  };
}
