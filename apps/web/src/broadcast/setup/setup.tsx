import { Amount } from "@tabcast/runtime";
import type { HiringSettings } from "@tabcast/tab";
import * as Money from "@tabcast/tab/money";
import { hiringDefaults } from "@tabcast/tab/settings";
import { useEffect, useRef, useState } from "react";
import * as format from "../../format.ts";
import { inWords } from "../../money-words.ts";
import type { OnAir } from "../../on-air.ts";
import { tab } from "../../tab.ts";
import { Button } from "../../ui/button.tsx";
import { useEncodesH264 } from "../../ui/missing.tsx";
import { Field, inputClass, Notice, Panel } from "../../ui/parts.tsx";
import type { Chosen } from "../../ui/pay-choice.tsx";
import { useMoney } from "../../unit.ts";
import { studio } from "../studio.ts";
import { FORM, type Form, read } from "./form.ts";
import { Encoding, type FormProps, Rungs } from "./ladder.tsx";
import { Pot } from "./pot.tsx";
import { Preview } from "./preview.tsx";
import { WhoCanWatch } from "./visibility.tsx";
import { useChoice, What } from "./what.tsx";

/** Leaving the page without going live gives the camera back. Returns what says that the stream goes live. */
function useStudioUntilLive(phase: OnAir["phase"]): () => void {
  const live = useRef(false);
  useEffect(
    () => () => {
      if (!live.current) studio.close();
    },
    [],
  );
  useEffect(() => {
    if (phase === "failed") live.current = false;
  }, [phase]);
  return () => {
    live.current = true;
  };
}

/** Chooses what to show, the rungs and who pays, and goes live. */
export function Setup({
  onAir,
  chosen,
  choose,
}: {
  onAir: OnAir;
  /** Who pays, once somebody does. */
  chosen: Chosen | undefined;
  choose: (next: Chosen | undefined) => void;
}) {
  const choice = useChoice();
  const [form, setForm] = useState<Form>(FORM);
  const [fromPurse, setFromPurse] = useState(false);
  const [hiring, setHiring] = useState<HiringSettings | undefined>(hiringDefaults);
  const change = (some: Partial<Form>) => setForm((before) => ({ ...before, ...some }));
  const goesLive = useStudioUntilLive(onAir.phase);

  const { ready, opening, captured, pictured } = choice;
  const money = useMoney();
  const { pay: unit } = money;
  const reading = read(form, ready, money);
  const { paying, deposit, rungs, wanted, badWorkers } = reading;
  const paid = chosen?.wallet !== undefined;
  const noEncoder = useEncodesH264() === false && ready?.encoded === true;
  const can =
    ready !== undefined &&
    !noEncoder &&
    badWorkers === undefined &&
    (!paying || (paid && deposit !== undefined && hiring !== undefined));
  const props = { form, reading, change };

  const go = () => {
    if (!can || ready === undefined) return;
    goesLive();
    const { input } = ready;
    void tab.startBroadcast({
      title: form.title.trim() || (input.kind === "file" ? input.file.name : "Untitled stream"),
      visibility: form.visibility,
      input,
      rungs,
      codec: form.codec,
      wanted: paying ? wanted : 0,
      deposit: deposit ?? Amount.zero,
      ...(paying && chosen?.wallet !== undefined && { wallet: chosen.wallet }),
      ...(paying && fromPurse && { gasFromPurse: true }),
      ...(paying && hiring !== undefined && { hiring }),
    });
  };

  return (
    <div className="grid gap-5 lg:grid-cols-[3fr_2fr]">
      <div className="order-last space-y-5 lg:order-none">
        {onAir.phase === "failed" && (
          <Notice tone="bad" title="The broadcast did not start">
            {format.sentence(inWords(onAir.thrown, money))} Nothing is on air.
          </Notice>
        )}
        <Panel title="1. What to show">
          <What choice={choice} noEncoder={noEncoder} />
          <Title form={form} change={change} />
          <WhoCanWatch form={form} change={change} />
        </Panel>
        <Panel title="2. The ladder">
          <Rungs {...props} open={ready !== undefined} />
          <Encoding {...props} />
        </Panel>
        {paying && (
          <Panel title="3. The pot">
            <Pot
              {...props}
              ready={ready}
              choose={choose}
              chosen={chosen}
              hire={setHiring}
              fromPurse={fromPurse}
              setFromPurse={setFromPurse}
            />
          </Panel>
        )}
        <div className="space-y-2">
          <Button look="main" className="w-full sm:w-auto sm:px-8" disabled={!can} onClick={go}>
            {paying
              ? `Put ${deposit === undefined ? "the deposit" : Money.exact(Money.of(deposit, unit))} in this stream's pot and go live`
              : ready === undefined
                ? "Go live"
                : "Go live, encoding in this tab"}
          </Button>
          {!can && <WhyNot ready={ready !== undefined} unpaid={paying && !paid} />}
        </div>
      </div>
      <Panel
        title="Preview"
        className={`self-start lg:sticky lg:top-5 lg:block ${ready === undefined && !opening && !pictured ? "hidden" : ""}`}
      >
        <Preview ready={ready} opening={opening} captured={captured && pictured} />
      </Panel>
    </div>
  );
}

function Title({ form: { title, visibility }, change }: Pick<FormProps, "form" | "change">) {
  const seen =
    visibility === "public"
      ? "What people see in the list of streams."
      : "What people see who have the link.";
  return (
    <div className="mt-5">
      <Field label="Title" help={seen}>
        {(props) => (
          <input
            {...props}
            value={title}
            maxLength={120}
            onChange={(event) => change({ title: event.target.value })}
            placeholder="Untitled stream"
            className={`${inputClass} w-full`}
          />
        )}
      </Field>
    </div>
  );
}

/** What is missing before the stream can go live. */
function WhyNot({ ready, unpaid }: { ready: boolean; unpaid: boolean }) {
  return (
    <p className="text-sm text-muted">
      {!ready
        ? "Choose what to show first."
        : unpaid
          ? "Choose who pays first."
          : "Something above needs another look."}
    </p>
  );
}
