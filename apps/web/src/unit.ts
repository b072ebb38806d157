import type { Address } from "@tabcast/channel";
import type { CurrencyConfig } from "@tabcast/node/config";
import { type Coin, coin, type Unit } from "@tabcast/tab/money";
import { createContext, useContext } from "react";

/** What a network's money is counted in. Gas, and what a wallet holds for it, is never added to what pots pay. */
export interface NetworkMoney {
  /** What pots hold, pay and cost. */
  readonly pay: Unit;
  /** What gas is paid in. */
  readonly coin: Coin;
  /** The token that pots are in; missing: they are in the coin. */
  readonly currency?: CurrencyConfig;
  /** A token of the chain that is a dollar, and not what this network pays in: pots of before may be in it. */
  readonly dollar?: Address;
}

/** Of a network that is not known yet. */
export const inEther: NetworkMoney = { pay: coin(), coin: coin() };

/** A network's money, as something around the pages says; `ui/paid-in.tsx` does. */
export const PaidIn = createContext<NetworkMoney>(inEther);

export const useMoney = (): NetworkMoney => useContext(PaidIn);

/** What pots pay in. */
export const useUnit = (): Unit => useMoney().pay;
