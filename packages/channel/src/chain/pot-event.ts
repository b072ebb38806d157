import type { tabcastPotAbi } from "@tabcast/contracts";
import type { Amount } from "@tabcast/runtime";
import type { parseEventLogs } from "viem";
import type { Address, Hex, Lane, PotConfig } from "../types.ts";

/** What a pot's history says, oldest first. */
export type PotEvent = {
  readonly hash: Hex;
  readonly block: bigint;
  /** Place among the block's events. */
  readonly index: number;
  /** Missing only where the event is about no pot. */
  readonly potId?: Hex;
} /** All that the pot's id is the hash of: who lost the books can close it with this and the payer's wallet. */ & (
  | {
      readonly type: "opened";
      readonly payer: Address;
      readonly signer: Address;
      readonly config: PotConfig;
    }
  | { readonly type: "deposited"; readonly amount: Amount }
  /** `fee` of what was paid went to the contract's owner or to a watchtower, and the rest to the payee's credit. */
  | ({
      readonly type: "claimed";
      readonly paid: Amount;
      readonly claimed: Amount;
      readonly fee: Amount;
    } & Lane)
  /** What a batch of claims left the watchtower that brought it. */
  | { readonly type: "shared"; readonly beneficiary: Address; readonly share: Amount }
  | ({ readonly type: "skipped"; readonly cumulative: Amount; readonly stale: boolean } & Lane)
  | ({ readonly type: "bounced"; readonly shortfall: Amount } & Lane)
  | ({ readonly type: "reserved"; readonly ceiling: Amount; readonly until: number } & Lane)
  /** What was reserved and is free again. */
  | ({ readonly type: "released"; readonly amount: Amount } & Lane)
  /** A row of a `reserve` that changed nothing; the reason's number is the contract's. */
  | ({ readonly type: "reservationRefused"; readonly reason: number } & Lane)
  | { readonly type: "closing"; readonly closeAt: number }
  | { readonly type: "reopened" }
  | { readonly type: "final"; readonly refund: Amount }
  | {
      readonly type: "withdrawn";
      readonly account: Address;
      readonly to: Address;
      readonly amount: Amount;
    }
);

type PotLog = ReturnType<typeof parseEventLogs<typeof tabcastPotAbi, true>>[number];

/** Our words for the contract's events; those that tell a pot's owner nothing are left out. */
export function potEvents(logs: readonly PotLog[]): PotEvent[] {
  return logs.flatMap((log): PotEvent[] => {
    const at = {
      hash: log.transactionHash,
      block: log.blockNumber,
      index: log.logIndex,
      ...("potId" in log.args && { potId: log.args.potId }),
    };
    switch (log.eventName) {
      case "PotOpened": {
        const { potId: _, ...config } = log.args;
        const { payer, signer } = config;
        return [{ ...at, type: "opened", payer, signer, config }];
      }
      case "Deposited":
        return [{ ...at, type: "deposited", amount: log.args.amount as Amount }];
      case "Claimed": {
        const { payee, lane, paid, claimed, fee } = log.args;
        return [
          {
            ...at,
            type: "claimed",
            payee,
            lane,
            paid: paid as Amount,
            claimed: claimed as Amount,
            fee: fee as Amount,
          },
        ];
      }
      case "WatchtowerPaid": {
        const { beneficiary, share } = log.args;
        return [{ ...at, type: "shared", beneficiary, share: share as Amount }];
      }
      case "ClaimSkipped": {
        const { payee, lane, cumulative, reason } = log.args;
        return [
          {
            ...at,
            type: "skipped",
            payee,
            lane,
            cumulative: cumulative as Amount,
            stale: reason === 0,
          },
        ];
      }
      case "Bounced": {
        const { payee, lane, shortfall } = log.args;
        return [{ ...at, type: "bounced", payee, lane, shortfall: shortfall as Amount }];
      }
      case "Reserved": {
        const { payee, lane, ceiling, until } = log.args;
        return [{ ...at, type: "reserved", payee, lane, ceiling: ceiling as Amount, until }];
      }
      case "Released": {
        const { payee, lane, amount } = log.args;
        return [{ ...at, type: "released", payee, lane, amount: amount as Amount }];
      }
      case "ReservationRefused": {
        const { payee, lane, reason } = log.args;
        return [{ ...at, type: "reservationRefused", payee, lane, reason }];
      }
      case "CloseStarted":
        return [{ ...at, type: "closing", closeAt: log.args.closeAt }];
      case "CloseCancelled":
        return [{ ...at, type: "reopened" }];
      case "PotFinalized":
        return [{ ...at, type: "final", refund: log.args.refund as Amount }];
      case "CreditWithdrawn":
        return [
          {
            ...at,
            type: "withdrawn",
            account: log.args.account,
            to: log.args.to,
            amount: log.args.amount as Amount,
          },
        ];
      default:
        return [];
    }
  });
}
