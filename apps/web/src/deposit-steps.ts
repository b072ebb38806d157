/** What a person will be asked before a deposit is in its pot, and what the wallet lacks for it, in words. */
import * as Money from "@tabcast/tab/money";
import type { NetworkMoney } from "./unit.ts";

/** How a deposit is paid. */
export interface Paying {
  /** Into the pot, in what pots pay in. */
  readonly amount: bigint;
  /** A key of this tab pays: it asks nobody. */
  readonly unasked: boolean;
  /** The token takes a signature for a transfer (EIP-3009). */
  readonly signs: boolean;
  /** This browser's gas purse pays the gas. */
  readonly purse: boolean;
}

/** The wallet's dialogs in their order, each as one sentence; none where it asks nothing. */
export function dialogs(
  { amount, unasked, signs, purse }: Paying,
  { pay, coin }: NetworkMoney,
): readonly string[] {
  if (unasked) return [];
  const said = Money.exact(Money.of(amount, pay));
  if (pay.kind === "coin")
    return [
      `Confirm: put ${said} in the pot, with what settling costs in gas. What is left of that comes back.`,
    ];
  if (!signs)
    return [
      `Confirm: let the contract take ${said}, and no more.`,
      `Confirm: put ${said} in the pot, with a little ${coin.symbol} for the stream's gas. What is left of that comes back.`,
    ];
  return [
    `Sign: move ${said} into the pot. Signing costs nothing.`,
    ...(purse
      ? []
      : [
          `Confirm: send a little ${coin.symbol} for the stream's gas. What is left of it comes back.`,
        ]),
  ];
}

/** What a wallet holds: of what pots pay in, and of the coin for gas. */
export interface Funds {
  readonly pay: bigint;
  readonly coins: bigint;
}

/** "This wallet has $12.40, and 0.2 ETH for gas." Where pots are in the coin, the one amount. */
export function has({ pay: held, coins }: Funds, { pay, coin }: NetworkMoney): string {
  const gas = Money.text(Money.of(coins, coin));
  if (pay.kind === "coin") return `This wallet has ${gas}, of which gas is paid too.`;
  return `This wallet has ${Money.text(Money.of(held, pay))}, and ${gas} for gas.`;
}

/** Why the deposit cannot be paid, where that is certain already. */
export function lacks(
  { amount, unasked, purse }: Paying,
  { pay: held, coins }: Funds,
  { pay, coin }: NetworkMoney,
): string | undefined {
  if (held < amount)
    return `That is ${Money.text(Money.of(amount - held, pay), "up")} less than the deposit. Choose a smaller one, or add money to the wallet.`;
  if (coins === 0n && !purse && !(unasked && pay.kind === "coin"))
    return `It has no ${coin.symbol} for gas. Send it some${pay.kind === "token" ? ", or fill this browser's gas purse and let that pay" : ""}.`;
  return undefined;
}
