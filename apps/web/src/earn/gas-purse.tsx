import { useEffect, useState } from "react";
import { tab } from "../tab.ts";
import { Disclosure } from "../ui/disclosure.tsx";
import { Copy, Money } from "../ui/parts.tsx";
import { useMoney } from "../unit.ts";

type State = Awaited<ReturnType<typeof tab.gas>>;

/** What pays for claims that this tab makes for other workers, and how to fund it; asked for when it is opened. */
export function GasPurse() {
  const { coin } = useMoney();
  const [state, setState] = useState<State>();
  useEffect(() => {
    let over = false;
    void tab.gas().then(
      (found) => over || setState(found),
      () => undefined, // the books cannot be read, which the page says elsewhere
    );
    return () => {
      over = true;
    };
  }, []);
  if (state === undefined) return null;
  return (
    <Disclosure title="Claiming for others">
      <p className="text-[0.9375rem] text-muted">
        {state.balance > 0n
          ? "While this tab is open it keeps other workers' payments, and claims them for workers that are gone. This pays the gas."
          : "This tab could keep other workers' payments, as theirs keep yours, if it had a little for gas. Send some of the chain's coin to this address."}
      </p>
      <div className="mt-3 space-y-3">
        <Money label="Left for gas" value={state.balance} unit={coin} />
        <Copy label="Address of the gas purse" text={state.address} />
      </div>
    </Disclosure>
  );
}
