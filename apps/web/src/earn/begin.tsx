import * as Money from "@tabcast/tab/money";
import { useCallback, useEffect, useState } from "react";
import type { Earning } from "../earning.ts";
import * as format from "../format.ts";
import { inWords } from "../money-words.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Disclosure } from "../ui/disclosure.tsx";
import { NoH264, useEncodesH264 } from "../ui/missing.tsx";
import { Money as Figure, Notice, Panel, Spinner } from "../ui/parts.tsx";
import { type Chosen, PayChoice } from "../ui/pay-choice.tsx";
import { TakingsPanel } from "../ui/takings.tsx";
import { useMoney } from "../unit.ts";
import { type Draft, draftOf, readDraft } from "./draft.ts";
import { SignPayee } from "./payee.tsx";
import { SettingsFields } from "./settings.tsx";

/** Before this tab works: where payments go, what its owner wants, and the one button. */
export function Begin({ earning }: { earning: Earning }) {
  const { config, phase, trouble } = useStore(tab.state);
  const money = useMoney();
  const [chosen, setChosen] = useState<Chosen>();
  const choose = useCallback((next: Chosen | undefined) => setChosen(next), []);
  return (
    <div className="grid gap-5 lg:grid-cols-[3fr_2fr]">
      <Panel>
        {earning.phase === "failed" && (
          <div className="mb-5">
            <Notice tone="bad" title="The worker stopped">
              {format.sentence(inWords(earning.thrown, money))} What it earned is kept in this
              browser. You can start again.
            </Notice>
          </div>
        )}
        {config !== undefined ? (
          <div className="space-y-6">
            <PayChoice legend="Where payments go" chain={config.chain} paste onChange={choose} />
            {chosen?.wallet !== undefined && "provider" in chosen.wallet && (
              <SignPayee key={chosen.address} payee={chosen.address} wallet={chosen.wallet} />
            )}
            <Start chosen={chosen} />
          </div>
        ) : phase === "failed" ? (
          <Notice tone="bad" title="The network cannot be reached">
            {format.sentence(trouble)} This page tries again every few seconds.
          </Notice>
        ) : (
          <p role="status" className="flex items-center gap-3 py-6 text-muted">
            <Spinner /> Asking which network this is
          </p>
        )}
      </Panel>
      <div className="space-y-5">
        {chosen !== undefined && <TakingsPanel key={chosen.address} who={chosen} />}
        {earning.done > 0 ? <LastTime earning={earning} /> : <WhatHappens />}
      </div>
    </div>
  );
}

/** The settings, for who wants other ones, and the button. */
function Start({ chosen }: { chosen: Chosen | undefined }) {
  const kept = useStore(tab.kept);
  const encodes = useEncodesH264();
  const money = useMoney();
  const [typed, setTyped] = useState<Draft>();
  useEffect(() => void tab.loadSettings(), []);
  const draft = typed ?? draftOf(kept.settings, money);
  const { settings, errors } = readDraft(draft, kept.settings, money);
  return (
    <>
      {encodes === false && <NoH264 verb="earn" />}
      {kept.trouble !== undefined && (
        <Notice tone="warn" title="Your settings could not be read">
          {format.sentence(kept.trouble)} The usual ones stand in for them; starting keeps what is
          below.
        </Notice>
      )}
      {kept.replaced === true && typed === undefined && (
        <Notice tone="warn" title="Your price was set for another currency">
          This network pays in {Money.name(money.pay)}, so its usual price stands in for yours. Look
          at it in More settings; starting keeps it.
        </Notice>
      )}
      {kept.loaded && (
        <Disclosure title="More settings" note="price, hours, for whom">
          <SettingsFields draft={draft} errors={errors} onChange={setTyped} />
        </Disclosure>
      )}
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <Button
          look="main"
          className="w-full sm:w-auto sm:px-8"
          disabled={chosen === undefined || settings === undefined || encodes !== true}
          onClick={() => {
            if (chosen === undefined || settings === undefined) return;
            void tab.startWorker(
              { payee: chosen.address, ...(chosen.wallet && { wallet: chosen.wallet }) },
              ...(typed === undefined ? [] : [settings]),
            );
          }}
        >
          Start earning
        </Button>
        <p className="text-sm text-muted">
          {settings === undefined
            ? "Something in More settings needs another look."
            : "Checks this device first, which takes a few seconds. Stop at any time."}
        </p>
      </div>
    </>
  );
}

function LastTime({ earning }: { earning: Earning }) {
  return (
    <Panel title="Last time">
      <div className="space-y-4">
        <Figure label="Earned" value={earning.earned} />
        <p className="text-sm text-muted">{format.counted(earning.done, "segment")} delivered.</p>
      </div>
    </Panel>
  );
}

function WhatHappens() {
  return (
    <Panel title="What happens">
      <ol className="list-decimal space-y-2 pl-5 text-[0.9375rem] text-muted marker:text-muted">
        <li>This device measures how fast it transcodes.</li>
        <li>The tab offers itself to streams that look for workers.</li>
        <li>Each verified segment is paid by a signed voucher, kept in this browser.</li>
        <li>Keep the tab open and the device plugged in: video is hard work.</li>
      </ol>
    </Panel>
  );
}
