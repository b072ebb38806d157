import type { Settlement, SettleProgress, StoredPot, Wallet } from "@tabcast/channel";
import type { LostPot } from "@tabcast/tab";
import { useEffect, useState } from "react";
import * as format from "../format.ts";
import { partsOf, unitOfToken } from "../network-money.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Disclosure } from "../ui/disclosure.tsx";
import { Money, Notice, Panel, Spinner } from "../ui/parts.tsx";
import { useMoney } from "../unit.ts";
import { type Words, words } from "../words.ts";

/** The wallet, if it is the one that paid. */
const payerOf = (payer: string, wallet: Wallet | undefined) =>
  wallet?.address.toLowerCase() === payer.toLowerCase() ? wallet : undefined;

/** Pots that an earlier broadcast of this browser left behind, each with the way to get its rest back. */
export function Unsettled({ wallet }: { wallet: Wallet | undefined }) {
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
      {pots.map(({ potId, config, deposited }) => {
        const payer = payerOf(config.payer, wallet);
        return (
          <Ending
            key={potId}
            title="A pot of an earlier stream"
            label="Deposited in it"
            value={deposited}
            token={config.token}
            says="It was not settled. Unless another tab is on air with it: its workers are paid what was signed, and the rest comes back."
            action="Settle it and take the rest back"
            end={(progress) => tab.settlePot(potId, progress, payer)}
            stuck={
              payer === undefined
                ? `If this stays, choose the wallet that paid, ${format.shortAddress(config.payer)}, below and settle it again.`
                : undefined
            }
          />
        );
      })}
    </div>
  );
}

/** Pots that the wallet paid for and this browser has no books of, as after its data were cleared; looked for when it is asked. */
export function Lost({ wallet }: { wallet: Wallet }) {
  const money = useMoney();
  const [pots, setPots] = useState<readonly LostPot[]>();
  const [looking, setLooking] = useState(false);
  const [failed, setFailed] = useState<Words>();
  const look = async () => {
    setLooking(true);
    setFailed(undefined);
    try {
      setPots(await tab.lostPots(wallet.address));
    } catch (thrown) {
      setFailed(words(thrown, "history", money));
    } finally {
      setLooking(false);
    }
  };
  return (
    <Disclosure title="Deposits that this browser forgot">
      <p className="text-[0.9375rem] text-muted">
        If this browser's data were cleared, the chain still knows what this wallet put in pots.
      </p>
      <div className="mt-3 space-y-3">
        <Button disabled={looking} onClick={() => void look()}>
          {looking ? "Looking" : "Look for them on the chain"}
        </Button>
        {looking && (
          <p role="status" className="flex items-center gap-2 text-sm text-muted">
            <Spinner className="size-4" /> Reading the chain
          </p>
        )}
        {pots?.length === 0 && (
          <p role="status" className="text-sm text-muted">
            There is none: everything that this wallet put in pots is known here or settled.
          </p>
        )}
        {failed !== undefined && (
          <Notice tone="bad" title={failed.title}>
            {failed.advice}
          </Notice>
        )}
        {pots?.map((pot) => (
          <Ending
            key={pot.potId}
            title="A pot without books"
            label="Left in it"
            value={pot.left}
            token={pot.config.token}
            says="What was signed from it is not known here: its workers claim by themselves, and then the rest comes back. Your wallet asks twice."
            action="Take back"
            end={(progress) => tab.takeBack(pot, wallet, progress)}
          />
        ))}
      </div>
    </Disclosure>
  );
}

/** One pot, what is in it, and the way to end it. */
function Ending({
  title,
  label,
  value,
  token,
  says,
  action,
  end,
  stuck,
}: {
  title: string;
  label: string;
  value: bigint;
  token: string;
  says: string;
  action: string;
  end: (progress: (now: SettleProgress) => void) => Promise<Settlement>;
  /** What else can be tried where it fails. */
  stuck?: string | undefined;
}) {
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
        setRefunded((await end(setNow)).refunded);
      } finally {
        setNow(undefined);
      }
    });
  return (
    <Panel title={title}>
      {refunded !== undefined ? (
        <div role="status">
          <InToken label="Came back" value={refunded} token={token} />
        </div>
      ) : (
        <>
          <InToken label={label} value={value} token={token} />
          <p role="status" className="mt-2 mb-3 text-[0.9375rem] text-muted">
            {now === undefined ? says : progressWords(now)}
          </p>
          {now === undefined ? (
            <Button onClick={() => void settle()}>{action}</Button>
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
            {[failed.advice, stuck].filter((one) => one !== undefined).join(" ")}
          </Notice>
        </div>
      )}
    </Panel>
  );
}

/** An amount in a pot's own unit, which need not be what the network pays in now. */
function InToken({ label, value, token }: { label: string; value: bigint; token: string }) {
  const unit = unitOfToken(token, useMoney());
  return unit === undefined ? (
    <p className="text-[0.9375rem] text-muted">
      {label}: {partsOf(value, token)}
    </p>
  ) : (
    <Money label={label} value={value} unit={unit} />
  );
}

function progressWords(now: SettleProgress | "starting"): string {
  if (now === "starting") return "Looking at the pot.";
  switch (now.step) {
    case "paying":
      return `Paying ${format.counted(now.lanes, "worker")} on chain.`;
    case "waiting":
      return `Workers may still claim for ${format.clock(now.until - now.now)}. Keep this tab open, or come back later.`;
    case "delayed":
      return "The chain does not answer now. It is asked again, and nothing is lost.";
    case "refunding":
      return "Taking back what is left.";
  }
}
