import type { Address, Hex } from "@tabcast/channel";
import { useCallback, useEffect, useRef, useState } from "react";
import { checkAddress } from "../address.ts";
import { shortAddress } from "../format.ts";
import * as Heard from "../heard.ts";
import { figures } from "../owed.ts";
import { type Takings, tab } from "../tab.ts";
import { useMoney } from "../unit.ts";
import { type Words, words } from "../words.ts";
import { Button } from "./button.tsx";
import { NotKept } from "./kept.tsx";
import { History } from "./money-history.tsx";
import { Field, inputClass, Money, Notice, Panel, Spinner } from "./parts.tsx";
import type { Chosen } from "./pay-choice.tsx";

/** Where the money of an address is; asked again every `every` milliseconds, and by `look`. */
function useTakings({ address, wallet }: Chosen, heard: Heard.Heard, every: number | undefined) {
  const money = useMoney();
  const [takings, setTakings] = useState<Takings>();
  const [failed, setFailed] = useState<Words>();
  const looks = useRef(0);
  const pots = useRef<readonly Hex[]>([]);
  pots.current = [...heard.guarantees.keys()] as Hex[];
  const look = useCallback(async () => {
    const number = ++looks.current;
    const options = { payee: address, ...(wallet && { wallet }), pots: pots.current };
    try {
      const found = await tab.takings(options);
      // A look that began before a claim may end after it.
      if (number === looks.current) setTakings(found);
    } catch (thrown) {
      setFailed(words(thrown, "books", money));
    }
  }, [address, wallet, money]);
  useEffect(() => {
    void look();
    if (every === undefined) return;
    const timer = setInterval(() => void look(), every);
    return () => clearInterval(timer);
  }, [look, every]);
  return { takings, failed, setFailed, look };
}

/** Where the money of an address is, and the way to get it; looks again every `every` milliseconds. */
export function TakingsPanel({
  who,
  heard = Heard.nothing,
  every,
}: {
  who: Chosen;
  heard?: Heard.Heard;
  every?: number;
}) {
  const { address, wallet } = who;
  const money = useMoney();
  const { takings, failed, setFailed, look } = useTakings(who, heard, every);
  const [doing, setDoing] = useState<"claim" | "withdraw">();
  const [did, setDid] = useState("");
  const [target, setTarget] = useState("");
  const { to } = readTarget(target);

  const act = async (what: "claim" | "withdraw") => {
    setDoing(what);
    setFailed(undefined);
    setDid("");
    const options = { payee: address, ...(wallet && { wallet }) };
    const failure = await (what === "claim" ? tab.claim(options) : tab.withdraw({ ...options, to }))
      .then(() => undefined)
      .catch((thrown: unknown) => words(thrown, what === "claim" ? "claim" : "withdrawal", money));
    // Before anything is said: the figures and the words change together.
    await look();
    setDoing(undefined);
    if (failure !== undefined) setFailed(failure);
    else
      setDid(
        what === "claim"
          ? "Claimed. It is ready to withdraw."
          : `Withdrawn to ${to === undefined ? "your address" : shortAddress(to)}.`,
      );
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
          <Figures takings={takings} heard={heard} />
          {wallet === undefined ? (
            <p className="mt-4 text-sm text-muted">
              When a stream ends, its broadcaster moves what is not claimed to this address's
              credit. Connect the wallet of this address to claim earlier, and to withdraw.
            </p>
          ) : (
            <Actions
              takings={takings}
              doing={doing}
              target={target}
              setTarget={setTarget}
              act={act}
            />
          )}
          <NotKept advice="Claim now and then, so that less is lost with them." />
          <History account={address} streams={heard.streams} />
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

/** The four figures, each with its sentence; the pots' claims so far are in none of them. */
function Figures({ takings, heard }: { takings: Takings; heard: Heard.Heard }) {
  const all = figures({ ...takings, ready: takings.credit }, heard, Math.floor(Date.now() / 1_000));
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      {all.map(({ label, value, says }) => (
        <Money key={label} label={label} value={value} says={says} />
      ))}
    </div>
  );
}

/** What was typed as the address to withdraw to; nothing means the address that earned the money. */
function readTarget(target: string): { readonly to?: Address; readonly wrong?: string } {
  const contract = tab.state.get().config?.chain.contract;
  if (target === "" || contract === undefined) return {};
  const typed = checkAddress(target, contract);
  return "address" in typed ? { to: typed.address } : { wrong: typed.error };
}

function Actions({
  takings,
  doing,
  target,
  setTarget,
  act,
}: {
  takings: Takings;
  doing: "claim" | "withdraw" | undefined;
  target: string;
  setTarget: (target: string) => void;
  act: (what: "claim" | "withdraw") => Promise<void>;
}) {
  const { wrong } = readTarget(target);
  return (
    <div className="mt-4 flex flex-wrap gap-2">
      <Button
        disabled={doing !== undefined || takings.unclaimed === 0n}
        onClick={() => void act("claim")}
      >
        {doing === "claim" ? "Claiming" : "Claim"}
      </Button>
      <Button
        disabled={doing !== undefined || takings.credit === 0n || wrong !== undefined}
        onClick={() => void act("withdraw")}
      >
        {doing === "withdraw" ? "Withdrawing" : "Withdraw"}
      </Button>
      <details className="w-full">
        <summary className="rounded text-[0.8125rem] text-accent">
          Withdraw to another address
        </summary>
        <div className="mt-2">
          <Field
            label="Withdraw to"
            help="Empty: to the address that earned it. Check it well: nobody can take a withdrawal back."
            error={wrong}
          >
            {(props) => (
              <input
                {...props}
                value={target}
                disabled={doing !== undefined}
                spellCheck={false}
                autoComplete="off"
                placeholder="0x"
                onChange={(event) => setTarget(event.target.value)}
                className={`${inputClass} w-full font-mono text-sm`}
              />
            )}
          </Field>
        </div>
      </details>
    </div>
  );
}
