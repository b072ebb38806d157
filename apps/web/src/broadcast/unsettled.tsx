import type { SettleProgress, StoredPot } from "@tabcast/channel";
import { useEffect, useState } from "react";
import * as format from "../format.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Money, Notice, Panel } from "../ui/parts.tsx";
import { useMoney } from "../unit.ts";
import { type Words, words } from "../words.ts";

/** Pots that an earlier broadcast of this browser left behind, each with the way to get its rest back. */
export function Unsettled() {
  const [pots, setPots] = useState<readonly StoredPot[]>([]);
  useEffect(() => {
    let current = true;
    tab
      .unsettled()
      .then((found) => current && setPots(found))
      .catch(() => undefined); // no books, no pots: going live says what is wrong with them
    return () => {
      current = false;
    };
  }, []);
  return (
    <div className="mb-5 space-y-5 empty:hidden">
      {pots.map((pot) => (
        <LeftBehind key={pot.potId} pot={pot} />
      ))}
    </div>
  );
}

function LeftBehind({ pot }: { pot: StoredPot }) {
  const { config } = useStore(tab.state);
  const money = useMoney();
  const [now, setNow] = useState<SettleProgress | "starting">();
  const [refunded, setRefunded] = useState<bigint>();
  const [failed, setFailed] = useState<Words>();
  const attempt = async (work: () => Promise<void>) => {
    setFailed(undefined);
    try {
      await work();
    } catch (thrown) {
      setFailed(words(thrown, "pot", money));
    }
  };
  const settle = () =>
    attempt(async () => {
      setNow("starting");
      try {
        setRefunded((await tab.settlePot(pot.potId, setNow)).refunded);
      } finally {
        setNow(undefined);
      }
    });
  return (
    <Panel title="A pot of an earlier stream">
      {refunded !== undefined ? (
        <div role="status">
          <Money label="Came back" value={refunded} />
        </div>
      ) : (
        <>
          <Money label="Deposited in it" value={pot.deposited} />
          <p role="status" className="mt-2 mb-3 text-[0.9375rem] text-muted">
            {now === undefined
              ? "It was not settled. Unless another tab is on air with it: its workers are paid what was signed, and the rest comes back."
              : now === "starting"
                ? "Looking at the pot."
                : now.step === "paying"
                  ? `Paying ${format.counted(now.lanes, "worker")} on chain.`
                  : now.step === "waiting"
                    ? `Workers may still claim for ${format.clock(now.until - now.now)}. Keep this tab open, or come back later.`
                    : now.step === "delayed"
                      ? "The chain does not answer now. It is asked again, and nothing is lost."
                      : "Taking back what is left."}
          </p>
          {now === undefined ? (
            <Button onClick={() => void settle()}>Settle it and take the rest back</Button>
          ) : (
            typeof now === "object" &&
            now.step === "waiting" &&
            config?.chain.faucet !== undefined && (
              <Button onClick={() => void attempt(() => tab.skipWait(now.until))}>
                Skip this wait, local chain only
              </Button>
            )
          )}
        </>
      )}
      {failed !== undefined && (
        <div className="mt-3">
          <Notice tone="bad" title={failed.title}>
            {failed.advice}
          </Notice>
        </div>
      )}
    </Panel>
  );
}
