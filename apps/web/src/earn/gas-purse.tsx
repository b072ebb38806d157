import type { Address } from "@tabcast/channel";
import { useCallback, useEffect, useState } from "react";
import { checkAddress } from "../address.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Disclosure } from "../ui/disclosure.tsx";
import { Copy, Failure, Money } from "../ui/parts.tsx";
import { TextField } from "../ui/text-fields.tsx";
import { useMoney } from "../unit.ts";
import { type Words, words } from "../words.ts";

type State = Awaited<ReturnType<typeof tab.gas>>;

/** What pays for claims that this tab makes for other workers, how to fund it, and how to get it back. */
export function GasPurse({ payee }: { payee: Address | undefined }) {
  const { coin } = useMoney();
  const [state, setState] = useState<State>();
  const look = useCallback(() => tab.gas().then(setState), []);
  useEffect(() => void look().catch(() => undefined), [look]); // the books cannot be read, which the page says elsewhere
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
        {state.balance > 0n && <Empty purse={state.address} payee={payee} emptied={look} />}
      </div>
    </Disclosure>
  );
}

/** Sends what is in the purse to its owner, whose address is the payee's unless another is typed. */
function Empty({
  purse,
  payee,
  emptied,
}: {
  purse: Address;
  payee: Address | undefined;
  emptied: () => Promise<void>;
}) {
  const { config } = useStore(tab.state);
  const money = useMoney();
  // The purse of a tab that is paid with a key of its own is the payee itself.
  const own = payee?.toLowerCase() === purse.toLowerCase() ? "" : (payee ?? "");
  const [typed, setTyped] = useState(own);
  const [doing, setDoing] = useState(false);
  const [said, say] = useState("");
  const [failed, setFailed] = useState<Words>();
  const read = checkAddress(typed, config?.chain.contract ?? purse);
  const empty = async () => {
    if (!("address" in read)) return;
    setDoing(true);
    setFailed(undefined);
    try {
      await tab.emptyGas(read.address);
      say("Sent. This tab claims for nobody any more until the purse is filled again.");
      await emptied();
    } catch (thrown) {
      setFailed(words(thrown, "gas purse", money));
    } finally {
      setDoing(false);
    }
  };
  return (
    <div>
      <TextField
        label="Send what is left to"
        help="An address of yours. The gas of sending it is taken from it."
        error={typed !== "" && "error" in read ? read.error : undefined}
        value={typed}
        onChange={setTyped}
      />
      <Button
        className="mt-3"
        disabled={doing || !("address" in read)}
        onClick={() => void empty()}
      >
        {doing ? "Sending" : "Empty the gas purse"}
      </Button>
      <p role="status" className="mt-2 text-sm text-muted empty:hidden">
        {said}
      </p>
      <Failure said={failed} />
    </div>
  );
}
