import { type Amount, Wei } from "@tabcast/runtime";
import * as Amounts from "@tabcast/tab/money";
import { useState } from "react";
import { ofPayer } from "../duties.ts";
import type { OnAir } from "../on-air.ts";
import * as Pace from "../pace.ts";
import { type Balances, figures } from "../spent.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Disclosure } from "../ui/disclosure.tsx";
import { Duties } from "../ui/duties.tsx";
import { useNow } from "../ui/now.ts";
import { Failure, Money, Panel } from "../ui/parts.tsx";
import { TextField } from "../ui/text-fields.tsx";
import { useMoney, useUnit } from "../unit.ts";
import { type Words, words } from "../words.ts";

/** Where the deposit is: what the pot's own books say while it is open, else what this page added up. */
function balancesOf({ deposited, paid }: OnAir): Balances {
  const free = deposited - paid;
  return tab.potBalances() ?? { deposited, signed: paid, free: free > 0n ? free : 0n };
}

/** What the broadcaster must do about money. */
export function PayerDuties({ onAir }: { onAir: OnAir }) {
  const unit = useUnit();
  const now = useNow(5_000);
  const { settling, phase, lowFor, lacksGas, keyKept, unpaid, pace } = onAir;
  const { free, debt = 0n } = balancesOf(onAir);
  const lasts = Pace.lasts(free, pace, now) ?? lowFor;
  const duties = ofPayer(
    {
      debt: phase === "live" ? debt : 0n,
      keyKept,
      ...(phase === "live" && lacksGas !== undefined && { lacksGas }),
      ...(unpaid !== undefined && { unpaid }),
      ...(phase === "settling" && settling?.step === "waiting" && { settling }),
      ...(phase === "live" && lowFor !== undefined && lasts !== undefined && { lowFor: lasts }),
    },
    unit,
    Math.floor(now / 1_000),
  );
  return <Duties duties={duties} />;
}

/** The deposit in figures, how long it lasts, and the way to add to it. */
export function Deposit({ onAir }: { onAir: OnAir }) {
  const now = useNow(2_000);
  const balances = balancesOf(onAir);
  const live = onAir.phase === "live";
  return (
    <Panel title="Pot">
      <div className="grid grid-cols-2 gap-4">
        {figures(balances).map(({ label, value, says }) => (
          <Money key={label} label={label} value={value} says={says} />
        ))}
      </div>
      {live && (
        <p className="mt-4 text-[0.9375rem] text-muted">
          <output aria-label="How long the deposit lasts" aria-live="off">
            {Pace.lastsSentence(balances.free, onAir.pace, now)}
          </output>
        </p>
      )}
      {live && (
        <div className="mt-4">
          <TopUp />
          {onAir.lacksGas !== undefined && <SendGas lacks={onAir.lacksGas} />}
        </div>
      )}
    </Panel>
  );
}

function TopUp() {
  const money = useMoney();
  const { pay: unit } = money;
  const [typed, setTyped] = useState("");
  const [doing, setDoing] = useState(false);
  const [said, say] = useState("");
  const [failed, setFailed] = useState<Words>();
  const amount = Amounts.parse(typed, unit);
  const add = async () => {
    if (amount === undefined) return;
    setDoing(true);
    setFailed(undefined);
    say("");
    try {
      await tab.topUp(amount.value as Amount);
      say(`${Amounts.exact(amount)} more is in the pot.`);
      setTyped("");
    } catch (thrown) {
      setFailed(words(thrown, "deposit", money));
    } finally {
      setDoing(false);
    }
  };
  return (
    <Disclosure title="Add to the deposit">
      <TextField
        label={`Add, in ${Amounts.name(unit)}`}
        help="From the wallet that paid. What is not spent comes back at the end."
        error={
          typed !== "" && amount === undefined
            ? `An amount in ${Amounts.name(unit)}, such as 0.05.`
            : undefined
        }
        value={typed}
        onChange={setTyped}
      />
      <Button className="mt-3" disabled={doing || amount === undefined} onClick={() => void add()}>
        {doing ? "Adding" : `Add ${amount === undefined ? "" : Amounts.exact(amount)}`.trim()}
      </Button>
      <p role="status" className="mt-2 text-sm text-muted empty:hidden">
        {said}
      </p>
      <Failure said={failed} />
    </Disclosure>
  );
}

/** Sends twice what is lacking, so that it lasts a while; what is left comes back at the end. */
function SendGas({ lacks }: { lacks: Wei }) {
  const money = useMoney();
  const [doing, setDoing] = useState(false);
  const [failed, setFailed] = useState<Words>();
  const amount = Wei.of(2n * lacks);
  const send = async () => {
    setDoing(true);
    setFailed(undefined);
    try {
      await tab.topUpGas(amount);
    } catch (thrown) {
      setFailed(words(thrown, "gas", money));
    } finally {
      setDoing(false);
    }
  };
  return (
    <div className="mt-3">
      <Button disabled={doing} onClick={() => void send()}>
        {doing ? "Sending" : `Send ${Amounts.text(Amounts.of(amount, money.coin), "up")} for gas`}
      </Button>
      <Failure said={failed} />
    </div>
  );
}
