import type { Address } from "@tabcast/channel";
import { useState } from "react";
import { moment, money } from "../format.ts";
import { type MoneyLine, moneyLines } from "../money-history.ts";
import { tab } from "../tab.ts";
import { type Words, words } from "../words.ts";
import { Button } from "./button.tsx";
import { Notice, Scroller, Spinner } from "./parts.tsx";

/** What the chain says happened to an address's money; asked only once somebody looks. */
export function History({ account }: { account: Address }) {
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
