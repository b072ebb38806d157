import type { HiringSettings } from "@tabcast/tab";
import * as Money from "@tabcast/tab/money";
import * as budget from "../../budget.ts";
import * as format from "../../format.ts";
import { useStore } from "../../store.ts";
import { tab } from "../../tab.ts";
import { Button } from "../../ui/button.tsx";
import { Field, inputClass, Notice, Spinner } from "../../ui/parts.tsx";
import { type Chosen, PayChoice } from "../../ui/pay-choice.tsx";
import { useUnit } from "../../unit.ts";
import { Funding } from "../funding.tsx";
import { Hiring } from "../hiring.tsx";
import { Lost } from "../unsettled.tsx";
import { lasting } from "./form.ts";
import type { FormProps } from "./ladder.tsx";
import type { Ready } from "./ready.ts";

/** Chooses who pays, and how much. */
export function Pot({
  choose,
  chosen,
  fromPurse,
  setFromPurse,
  hire,
  ready,
  ...props
}: FormProps & {
  ready: Ready | undefined;
  chosen: Chosen | undefined;
  /** This browser's gas purse pays the gas. */
  fromPurse: boolean;
  setFromPurse: (fromPurse: boolean) => void;
  choose: (chosen: Chosen | undefined) => void;
  hire: (next: HiringSettings | undefined) => void;
}) {
  const { config, phase, trouble } = useStore(tab.state);
  if (config !== undefined)
    return (
      <div className="space-y-5">
        <PayChoice legend="Who pays" chain={config.chain} onChange={choose} />
        <Hours {...props} />
        <Deposit ready={ready} {...props} />
        <Funding
          chosen={chosen}
          amount={props.reading.deposit}
          fromPurse={fromPurse}
          onChange={setFromPurse}
        />
        <Hiring onChange={hire} />
        {chosen?.wallet !== undefined && <Lost key={chosen.address} wallet={chosen.wallet} />}
      </div>
    );
  return phase === "failed" ? (
    <Notice tone="bad" title="The network cannot be reached">
      {format.sentence(trouble)} This page tries again every few seconds.
    </Notice>
  ) : (
    <p role="status" className="flex items-center gap-2 text-muted">
      <Spinner className="size-4" /> Asking which network this is
    </p>
  );
}

function Hours({ form, reading: { hours, plan, wanted }, change }: FormProps) {
  const unit = useUnit();
  const most = plan && Money.of(budget.atMost(plan, unit), unit);
  return (
    <Field
      label="Hours on air"
      error={
        hours === undefined
          ? `A number above 0, at most ${budget.MOST_HOURS}, such as 1.5.`
          : undefined
      }
      help={plan && budget.sentence(plan, wanted, unit)}
    >
      {(props) => (
        <div className="flex flex-wrap gap-2">
          <input
            {...props}
            inputMode="decimal"
            value={form.hours}
            onChange={(event) => change({ hours: event.target.value })}
            className={`${inputClass} w-full max-w-48`}
          />
          {most !== undefined && (
            <Button onClick={() => change({ deposit: Money.typed(most) })}>
              Deposit {Money.exact(most)}
            </Button>
          )}
        </div>
      )}
    </Field>
  );
}

function Deposit({
  form,
  reading: { deposit, usual, rungs, badDeposit, maxPrice },
  change,
  ready,
}: FormProps & { ready: Ready | undefined }) {
  const unit = useUnit();
  return (
    <Field
      label={`Deposit, in ${Money.name(unit)}`}
      error={badDeposit}
      help={
        deposit === undefined || ready === undefined
          ? "What is not spent comes back at the end."
          : `Lasts ${lasting(deposit, rungs, { frameRate: ready.frameRate, maxPrice })} at the highest price. What is not spent comes back at the end.`
      }
    >
      {(props) => (
        <input
          {...props}
          inputMode="decimal"
          value={form.deposit || usual}
          onChange={(event) => change({ deposit: event.target.value })}
          className={`${inputClass} w-full max-w-48`}
        />
      )}
    </Field>
  );
}
