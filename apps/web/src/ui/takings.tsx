import type { Address } from "@tabcast/channel";
import { useCallback, useEffect, useRef, useState } from "react";
import { checkAddress } from "../address.ts";
import { moment, money, shortAddress } from "../format.ts";
import { type MoneyLine, moneyLines } from "../money-history.ts";
import { type Takings, tab } from "../tab.ts";
import { type Words, words } from "../words.ts";
import { Button } from "./button.tsx";
import { Field, inputClass, Money, Notice, Panel, Scroller, Spinner } from "./parts.tsx";
import type { Chosen } from "./pay-choice.tsx";

/** Where the money of an address is, and the way to get it; looks again every `every` milliseconds. */
export function TakingsPanel({ who, every }: { who: Chosen; every?: number }) {
  const { address, wallet } = who;
  const [takings, setTakings] = useState<Takings>();
  const [failed, setFailed] = useState<Words>();
  const [doing, setDoing] = useState<"claim" | "withdraw">();
  const [did, setDid] = useState("");
  const [target, setTarget] = useState("");
  const contract = tab.state.get().config?.chain.contract;
  const typed =
    target === "" || contract === undefined ? undefined : checkAddress(target, contract);
  const to = typed !== undefined && "address" in typed ? typed.address : undefined;
  const wrong = typed !== undefined && "error" in typed ? typed.error : undefined;

  const looks = useRef(0);
  const look = useCallback(async () => {
    const number = ++looks.current;
    const options = { payee: address, ...(wallet && { wallet }) };
    try {
      const found = await tab.takings(options);
      // A look that began before a claim may end after it.
      if (number === looks.current) setTakings(found);
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
    const options = { payee: address, ...(wallet && { wallet }) };
    const failure = await (what === "claim" ? tab.claim(options) : tab.withdraw({ ...options, to }))
      .then(() => undefined)
      .catch((thrown: unknown) => words(thrown, what === "claim" ? "claim" : "withdrawal"));
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
          )}
          <History account={address} />
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

/** What the chain says happened to an address's money; asked only once somebody looks. */
function History({ account }: { account: Address }) {
  const [lines, setLines] = useState<readonly MoneyLine[]>([]);
  const [next, setNext] = useState<bigint>();
  const [phase, setPhase] = useState<"shut" | "loading" | "shown">("shut");
  const [failed, setFailed] = useState<Words>();

  const load = async (before?: bigint) => {
    setPhase("loading");
    setFailed(undefined);
    try {
      const page = await tab.history(account, before);
      const more = moneyLines(page.events, account);
      setLines((had) => (before === undefined ? more : [...had, ...more]));
      setNext(page.next);
    } catch (thrown) {
      setFailed(words(thrown, "history"));
    } finally {
      setPhase("shown");
    }
  };

  return (
    <details
      className="mt-3"
      onToggle={(event) => event.currentTarget.open && phase !== "loading" && void load()}
    >
      <summary className="rounded text-[0.8125rem] text-accent">What happened on the chain</summary>
      <Scroller label="Money history" className="mt-2 max-h-72">
        <ul className="text-sm">
          {lines.map(({ id, at, what, amount }) => (
            <li
              key={id}
              className="flex flex-wrap justify-between gap-x-4 border-t border-line py-2"
            >
              <span>
                {what}
                <span className="block text-[0.8125rem] text-muted">{moment(at)}</span>
              </span>
              {amount !== undefined && <span>{money(amount)}</span>}
            </li>
          ))}
        </ul>
      </Scroller>
      {phase === "loading" && (
        <p role="status" className="flex items-center gap-2 text-sm text-muted">
          <Spinner className="size-4" /> Reading the chain
        </p>
      )}
      {phase === "shown" && failed === undefined && lines.length === 0 && (
        <p className="text-sm text-muted">Nothing {next === undefined ? "yet" : "lately"}.</p>
      )}
      {failed !== undefined && (
        <Notice
          tone="bad"
          title={failed.title}
          action={<Button onClick={() => void load(next)}>Try again</Button>}
        >
          {failed.advice}
        </Notice>
      )}
      {phase === "shown" && failed === undefined && next !== undefined && (
        <Button look="quiet" onClick={() => void load(next)}>
          Show older
        </Button>
      )}
    </details>
  );
}
