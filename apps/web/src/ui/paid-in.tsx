import { type ReactNode, useMemo } from "react";
import { moneyOf } from "../network-money.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { PaidIn } from "../unit.ts";

/** Has what is in it write amounts in what the network pays in, and gas in its chain's coin. Watch, which knows no money, does without. */
export function InTheNetworksMoney({ children }: { children: ReactNode }) {
  const { config } = useStore(tab.state);
  const chain = config?.chain;
  const money = useMemo(() => moneyOf(chain), [chain]);
  return <PaidIn value={money}>{children}</PaidIn>;
}
