import type { Address, Hex } from "@tabcast/channel";
import * as Chains from "@tabcast/channel/chains";
import * as Money from "@tabcast/tab/money";
import { useState } from "react";
import { moment, shortAddress } from "../format.ts";
import { type MoneyLine, moneyLines } from "../money-history.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { useMoney } from "../unit.ts";
import { type Words, words } from "../words.ts";
import { Button } from "./button.tsx";
import { Notice, Scroller, Spinner } from "./parts.tsx";

/** What the chain says happened to an address's money; asked only once somebody looks. */
export function History({
  account,
  streams,
}: {
  account: Address;
  /** The stream that a pot pays for, where this page knows it. */
  streams: ReadonlyMap<string, string>;
}) {
  const money = useMoney();
  const [lines, setLines] = useState<readonly MoneyLine[]>([]);
  const [next, setNext] = useState<bigint>();
  const [phase, setPhase] = useState<"shut" | "loading" | "shown">("shut");
  const [failed, setFailed] = useState<Words>();

  const load = async (before?: bigint) => {
    setPhase("loading");
    setFailed(undefined);
    try {
      const page = await tab.history(account, before);
      const more = moneyLines(page.events, account, { senders: page.senders, streams });
      setLines((had) => (before === undefined ? more : [...had, ...more]));
      setNext(page.next);
    } catch (thrown) {
      setFailed(words(thrown, "history", money));
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
          {lines.map(({ id, at, what, amount, hash, of }) => (
            <li
              key={id}
              className="flex flex-wrap justify-between gap-x-4 border-t border-line py-2"
            >
              <span>
                {what}
                <span className="block text-[0.8125rem] text-muted">
                  {moment(at)}
                  {of !== undefined && `, ${of}`}, <Transaction hash={hash} />
                </span>
              </span>
              {amount !== undefined && <span>{Money.text(Money.of(amount, money.pay))}</span>}
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

/** A transaction: its page in the chain's explorer, where one is known, else its hash, which a click copies whole. */
function Transaction({ hash }: { hash: Hex }) {
  const { config } = useStore(tab.state);
  const page = config && Chains.transactionPage(Chains.of(config.chain.id), hash);
  const [said, say] = useState("");
  if (page !== undefined)
    return (
      <a
        href={page}
        target="_blank"
        rel="noreferrer"
        className="rounded text-accent underline underline-offset-2"
      >
        transaction {shortAddress(hash)}
      </a>
    );
  const copy = () =>
    navigator.clipboard.writeText(hash).then(
      () => say("copied"),
      () => say(hash),
    );
  return (
    <button
      type="button"
      onClick={() => void copy()}
      aria-label={`Copy transaction ${shortAddress(hash)}`}
      className="rounded text-left break-all text-accent underline underline-offset-2"
    >
      transaction {said || shortAddress(hash)}
    </button>
  );
}
