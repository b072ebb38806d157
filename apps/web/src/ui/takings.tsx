import { useCallback, useEffect, useState } from "react";
import { type Takings, tab } from "../tab.ts";
import { type Words, words } from "../words.ts";
import { Button } from "./button.tsx";
import { Money, Notice, Panel, Spinner } from "./parts.tsx";
import type { Chosen } from "./pay-choice.tsx";

/** Where the money of an address is, and the way to get it; looks again every `every` milliseconds. */
export function TakingsPanel({ who, every }: { who: Chosen; every?: number }) {
  const { address, wallet } = who;
  const [takings, setTakings] = useState<Takings>();
  const [failed, setFailed] = useState<Words>();
  const [doing, setDoing] = useState<"claim" | "withdraw">();
  const [did, setDid] = useState("");

  const look = useCallback(async () => {
    const options = { payee: address, ...(wallet && { wallet }) };
    try {
      setTakings(await tab.takings(options));
    } catch (thrown) {
      setFailed(words(thrown, "books"));
    }
  }, [address, wallet]);
  useEffect(() => {
    void look();
    if (every === undefined) return;
    const timer = setInterval(() => void look(), every);
    return () => clearInterval(timer);
  }, [look, every]);

  const act = async (what: "claim" | "withdraw") => {
    setDoing(what);
    setFailed(undefined);
    setDid("");
    try {
      await tab[what]({ payee: address, ...(wallet && { wallet }) });
      setDid(what === "claim" ? "Claimed. It is ready to withdraw." : "Withdrawn to your address.");
    } catch (thrown) {
      setFailed(words(thrown, what === "claim" ? "claim" : "withdrawal"));
    } finally {
      setDoing(undefined);
      await look();
    }
  };

  return (
    <Panel title="Your money">
      {takings === undefined ? (
        failed === undefined && (
          <p role="status" className="flex items-center gap-2 text-sm text-muted">
            <Spinner className="size-4" /> Looking at the books and the chain
          </p>
        )
      ) : (
        <>
          <div className="grid grid-cols-2 gap-4">
            <Money label="Not claimed yet" wei={takings.unclaimed} />
            <Money label="Ready to withdraw" wei={takings.credit} />
          </div>
          {wallet === undefined ? (
            <p className="mt-4 text-sm text-muted">
              When a stream ends, its broadcaster moves what is not claimed to this address's
              credit. Connect the wallet of this address to claim earlier, and to withdraw.
            </p>
          ) : (
            <div className="mt-4 flex flex-wrap gap-2">
              <Button
                disabled={doing !== undefined || takings.unclaimed === 0n}
                onClick={() => void act("claim")}
              >
                {doing === "claim" ? "Claiming" : "Claim"}
              </Button>
              <Button
                disabled={doing !== undefined || takings.credit === 0n}
                onClick={() => void act("withdraw")}
              >
                {doing === "withdraw" ? "Withdrawing" : "Withdraw"}
              </Button>
            </div>
          )}
        </>
      )}
      <p role="status" className="mt-2 text-sm text-muted empty:hidden">
        {did}
      </p>
      {failed !== undefined && (
        <div className="mt-3">
          <Notice
            tone="bad"
            title={failed.title}
            action={
              takings === undefined && (
                <Button
                  onClick={() => {
                    setFailed(undefined);
                    void look();
                  }}
                >
                  Try again
                </Button>
              )
            }
          >
            {failed.advice}
          </Notice>
        </div>
      )}
    </Panel>
  );
}
