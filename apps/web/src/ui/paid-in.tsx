import * as Chains from "@tabcast/channel/chains";
import { type ReactNode, useMemo } from "react";
import { coin } from "@tabcast/tab/money";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { PaidIn } from "../unit.ts";

/** Has what is in it write amounts in the coin of the network's chain. Watch, which knows no money, does without. */
export function InTheChainsCoin({ children }: { children: ReactNode }) {
  const { config } = useStore(tab.state);
  const symbol = config && Chains.of(config.chain.id).coin;
  const unit = useMemo(() => coin(symbol), [symbol]);
  return <PaidIn value={unit}>{children}</PaidIn>;
}
