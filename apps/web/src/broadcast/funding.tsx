import { useEffect, useState } from "react";
import { dialogs, type Funds, has, lacks, type Paying } from "../deposit-steps.ts";
import { tab } from "../tab.ts";
import { Copy, Money } from "../ui/parts.tsx";
import type { Chosen } from "../ui/pay-choice.tsx";
import { useMoney } from "../unit.ts";

type Purse = Awaited<ReturnType<typeof tab.gas>>;

/** Milliseconds between two looks at what the wallet and the gas purse hold. */
const EVERY = 5_000;

/** What a wallet and this browser's gas purse hold, looked at again and again; undefined until it is known. */
function useFunds(chosen: Chosen | undefined) {
  const address = chosen?.address;
  const [funds, setFunds] = useState<Funds & { readonly signs: boolean }>();
  const [purse, setPurse] = useState<Purse>();
  useEffect(() => {
    if (address === undefined) return;
    let current = true;
    const look = async () => {
      const [held, gas] = await Promise.all([tab.funds(address), tab.gas()]);
      if (!current) return;
      setFunds(held);
      setPurse(gas);
    };
    // A chain that does not answer says so when the deposit is made.
    const again = () => void look().catch(() => undefined);
    again();
    const timer = setInterval(again, EVERY);
    return () => {
      current = false;
      clearInterval(timer);
      setFunds(undefined);
    };
  }, [address]);
  return { funds, purse };
}

/** Says what the wallet has and will ask, and offers that this browser's gas purse pays the gas. Tells whether it does. */
export function Funding({
  chosen,
  amount,
  fromPurse,
  onChange,
}: {
  chosen: Chosen | undefined;
  /** The deposit; undefined while it cannot be read. */
  amount: bigint | undefined;
  fromPurse: boolean;
  onChange: (fromPurse: boolean) => void;
}) {
  const money = useMoney();
  const { funds, purse } = useFunds(chosen);
  const wallet = chosen?.wallet;
  const unasked = wallet !== undefined && "type" in wallet;
  // Of a transaction in the coin, whoever pays the deposit pays the gas.
  const offered = money.pay.kind === "token" && !unasked && funds?.signs === true;
  const filled = purse !== undefined && purse.balance > 0n;
  useEffect(() => onChange(offered && filled), [offered, filled, onChange]);
  if (wallet === undefined || funds === undefined || amount === undefined) return null;
  const paying: Paying = { amount, unasked, signs: funds.signs, purse: fromPurse };
  const missing = lacks(paying, funds, money);
  const asked = dialogs(paying, money);
  return (
    <div className="space-y-3 text-[0.9375rem]">
      <p className="text-muted">
        <output aria-label="What the wallet has" aria-live="off">
          {has(funds, money)}
        </output>{" "}
        {missing !== undefined && <span className="text-bad">{missing}</span>}
      </p>
      {offered && purse !== undefined && (
        <>
          <label className="flex items-center gap-3">
            <input
              type="checkbox"
              checked={fromPurse}
              disabled={!filled}
              onChange={(event) => onChange(event.target.checked)}
              className="size-5 shrink-0 accent-[var(--accent)]"
            />
            This browser's gas purse pays the gas
          </label>
          <Money label="In the gas purse" value={purse.balance} unit={money.coin} />
          {!filled && (
            <Copy
              label={`Address of the gas purse: with a little ${money.coin.symbol} in it, a deposit is one signature`}
              text={purse.address}
            />
          )}
        </>
      )}
      {asked.length > 0 && (
        <div>
          <p className="font-medium">Your wallet will ask</p>
          <ol aria-label="What your wallet will ask" className="list-decimal pl-5 text-muted">
            {asked.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ol>
        </div>
      )}
    </div>
  );
}
