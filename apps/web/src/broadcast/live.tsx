import { crewLink, watchLink } from "@tabcast/tab/links";
import * as Amounts from "@tabcast/tab/money";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import * as format from "../format.ts";
import { inWords } from "../money-words.ts";
import type { OnAir, SegmentRow } from "../on-air.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Badge, Copy, Money, Notice, Panel, Scroller, Spinner, Stat, Stats } from "../ui/parts.tsx";
import { useMoney, useUnit } from "../unit.ts";
import { type Words, words } from "../words.ts";
import { Controls, Troubles } from "./controls.tsx";
import { Deposit, PayerDuties } from "./deposit.tsx";
import { Picture } from "./picture.tsx";
import { studio } from "./studio.ts";

const headline: Record<OnAir["phase"], string> = {
  idle: "",
  preparing: "Opening the source",
  funding: "Putting the deposit in the pot",
  live: "On air",
  ending: "Ending: the last segments are on their way",
  settling: "Settling with the workers",
  ended: "The stream has ended",
  failed: "The broadcast failed",
};

/** What a broadcast does, from its first deposit to its settlement. */
export function Live({ onAir }: { onAir: OnAir }) {
  const { phase } = onAir;
  const money = useMoney();
  const over = phase === "ended" || phase === "failed";
  const shown = useStore(studio.state);
  useEffect(() => {
    if (phase !== "live") return;
    // Who streams a screen looks at other tabs, and at this one's title only.
    const before = document.title;
    document.title = shown.picture === "lost" ? `No picture · ${before}` : `On air · ${before}`;
    return () => {
      document.title = before;
    };
  }, [phase, shown.picture]);
  return (
    <div className="space-y-5">
      <Head onAir={onAir} over={over} />

      {phase === "failed" && (
        <Notice tone="bad" title="The broadcast failed">
          {format.sentence(inWords(onAir.thrown, money))} Workers can still claim what they are
          owed, and what is left of the pot stays yours.
        </Notice>
      )}
      {phase === "live" && <Troubles />}
      <PayerDuties onAir={onAir} />
      <Warnings onAir={onAir} />
      {(phase === "ending" || phase === "settling") && <Settling onAir={onAir} />}
      {phase === "ended" && <Result onAir={onAir} />}

      <Panel>
        <Stats>
          <Stat label="Segments captured">{onAir.captured}</Stat>
          <Stat label="Segments delivered">{onAir.delivered}</Stat>
          <Stat
            label="Segments verified"
            note={`${format.counted(onAir.renditions, "rendition")}, ${onAir.gaps > 0 ? format.counted(onAir.gaps, "gap") : "no gap"}`}
          >
            {onAir.verified}
          </Stat>
          <Stat label="Workers in the crew">
            {[...onAir.crew.values()].filter((one) => one.role === "crew").length}
          </Stat>
        </Stats>
      </Panel>

      <div className="grid gap-5 lg:grid-cols-[3fr_2fr]">
        <Panel
          title="Segments"
          aside="Newest first"
          className="order-last min-w-0 self-start lg:order-none"
        >
          <Segments rows={onAir.rows} />
        </Panel>
        <Side onAir={onAir} pictured={shown.stream !== undefined} />
      </div>
    </div>
  );
}

/** The title, how far the broadcast is, and what ends it. */
function Head({ onAir: { title, phase }, over }: { onAir: OnAir; over: boolean }) {
  return (
    <div className="flex flex-wrap items-start justify-between gap-4">
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-3">
          <h1 className="text-2xl font-semibold tracking-tight [overflow-wrap:anywhere] sm:text-3xl">
            {title}
          </h1>
        </div>
        <p className="mt-1 flex items-center gap-2 text-muted">
          {phase === "live" && (
            <span aria-hidden="true" className="size-2.5 rounded-full bg-accent" />
          )}
          {!over && phase !== "live" && <Spinner className="size-4" />}
          <output aria-label="Broadcast state">{headline[phase]}</output>
        </p>
      </div>
      {phase === "live" && (
        <Button look="stop" className="w-full sm:w-auto" onClick={() => tab.endBroadcast()}>
          End stream
        </Button>
      )}
      {over && (
        <Button
          look="main"
          className="w-full sm:w-auto"
          onClick={() => {
            tab.clearBroadcast();
          }}
        >
          Start another broadcast
        </Button>
      )}
    </div>
  );
}

/** The link to share, the own picture, the pot and the crew. */
function Side({ onAir, pictured }: { onAir: OnAir; pictured: boolean }) {
  const { phase } = onAir;
  return (
    <div className="min-w-0 space-y-5">
      {phase === "live" && <Share onAir={onAir} />}
      {phase === "live" && pictured && (
        <Panel title="Your picture">
          <Picture label="Your picture" />
          <Controls />
        </Panel>
      )}
      {onAir.deposited > 0n && <Deposit onAir={onAir} />}
      <Crew onAir={onAir} />
    </div>
  );
}

/** The links: for viewers, and where the stream is private for its crew. */
function Share({ onAir: { stream, visibility, keys } }: { onAir: OnAir }) {
  const hidden = visibility === "private";
  if (stream === undefined || (hidden && keys === undefined)) return null;
  return (
    <Panel title="Share">
      <div className="space-y-3">
        <div>
          <Copy label="Watch link" text={watchLink(location.origin, stream, keys?.watch)} />
          <Link
            href={watchLink("", stream, keys?.watch)}
            target="_blank"
            className="rounded text-sm text-accent underline underline-offset-2"
          >
            Open it in a new tab
          </Link>
        </div>
        {visibility === "unlisted" && (
          <p className="text-sm text-muted">
            On no list: whoever has this link can watch. Workers can see the stream's id too.
          </p>
        )}
        {keys !== undefined && (
          <>
            <p className="text-sm text-muted">
              Whoever has this link can watch, and nobody else. It holds the key, so send it by a
              way that you trust.
            </p>
            <Copy label="Crew link" text={crewLink(location.origin, { stream, key: keys.crew })} />
            <p className="text-sm text-muted">
              For those who are to transcode it, not for viewers: with it they can work and watch.
              Until one does, this tab encodes the stream itself.
            </p>
          </>
        )}
      </div>
    </Panel>
  );
}

/** The newest warning, and how many came before it. */
function Warnings({ onAir: { warnings, warned } }: { onAir: OnAir }) {
  const [newest, ...before] = warnings;
  if (newest === undefined) return null;
  const more = warned - warnings.length;
  return (
    <Notice tone="warn">
      {newest}
      {before.length > 0 && (
        <details className="mt-1">
          <summary className="inline-block cursor-pointer rounded text-sm underline underline-offset-2">
            {format.counted(warned - 1, "earlier note")}
          </summary>
          <ul className="mt-1 space-y-1 text-sm">
            {before.map((message) => (
              <li key={message}>{message}</li>
            ))}
            {more > 0 && <li>And {more} before that.</li>}
          </ul>
        </details>
      )}
    </Notice>
  );
}

function Crew({ onAir }: { onAir: OnAir }) {
  return (
    <Panel title="Crew">
      {onAir.crew.size === 0 ? (
        <p className="text-[0.9375rem] text-muted">
          {onAir.deposited === 0n
            ? "No workers: this tab encodes every rung itself."
            : onAir.bids === 0
              ? "No worker has answered the offer yet. Until one does, this tab encodes the segments itself."
              : `${format.counted(onAir.bids, "bid")} so far.`}
        </p>
      ) : (
        <ul className="space-y-2">
          {[...onAir.crew].map(([worker, one]) => (
            <li key={worker} className="flex flex-wrap items-center justify-between gap-x-3">
              <span className="font-mono text-sm">{format.shortId(worker)}</span>
              <span className="flex items-center gap-3 text-sm text-muted">
                {format.counted(one.segments, "segment")}
                <Badge tone={one.role === "crew" ? "good" : "plain"}>{one.role}</Badge>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Settling({ onAir }: { onAir: OnAir }) {
  const { config } = useStore(tab.state);
  const [skipped, setSkipped] = useState<Words>();
  const steps = ["Last segments", "Paying every lane", "Challenge period", "Refund"] as const;
  const now =
    onAir.phase === "ending"
      ? 0
      : onAir.settling?.step === "paying"
        ? 1
        : onAir.settling?.step === "waiting" || onAir.settling?.step === "delayed"
          ? 2
          : 3;
  const { settling } = onAir;
  return (
    <Panel title="Settling">
      <ol className="grid gap-2 sm:grid-cols-4">
        {steps.map((name, at) => (
          <li
            key={name}
            aria-current={at === now ? "step" : undefined}
            className={`border-t-4 pt-2 text-sm ${at <= now ? "border-accent" : "border-line text-muted"} ${at === now ? "font-semibold" : ""}`}
          >
            {name}
            <span className="sr-only">
              {at < now ? ", done" : at === now ? ", now" : ", later"}
            </span>
          </li>
        ))}
      </ol>
      <p role="status" className="mt-3 text-sm text-muted">
        {settling === undefined
          ? "What was captured is still delivered, verified and paid."
          : settling.step === "paying"
            ? `Paying ${format.counted(settling.lanes, "worker")} on chain in one transaction.`
            : settling.step === "waiting"
              ? `Workers may still claim for ${format.clock(settling.until - settling.now)}. Then the rest comes back. Keep this tab open, or come back later.`
              : settling.step === "delayed"
                ? "The chain does not answer now. It is asked again, and nothing is lost. Keep this tab open, or come back later."
                : "Taking back what is left of the deposit."}
      </p>
      {settling?.step === "waiting" && config?.chain.faucet !== undefined && (
        <Button
          className="mt-3"
          onClick={() =>
            void tab
              .skipWait(settling.until)
              .catch((thrown: unknown) => setSkipped(words(thrown, "local chain's clock")))
          }
        >
          Skip the wait, local chain only
        </Button>
      )}
      {skipped !== undefined && (
        <div className="mt-3">
          <Notice tone="bad" title={skipped.title}>
            {skipped.advice}
          </Notice>
        </div>
      )}
    </Panel>
  );
}

function Result({ onAir }: { onAir: OnAir }) {
  const { settlement, report } = onAir;
  if (report === undefined) return null;
  const missed = onAir.gaps;
  return (
    <Panel title="Result">
      <Stats>
        <Stat label="Segments">{report.captured}</Stat>
        <Stat label="Media time">{format.clock(report.mediaSeconds)}</Stat>
        <Stat label="Gaps">{missed}</Stat>
        <Stat label="Workers paid">{report.workers.length}</Stat>
      </Stats>
      {settlement !== undefined && (
        <div className="mt-5 border-t border-line pt-4">
          <div className="grid grid-cols-2 gap-4 sm:grid-cols-3">
            <Money label="Deposited on chain" value={settlement.deposited} />
            <Money label="Paid on chain" value={settlement.paid} />
            <Money label="Refunded" value={settlement.refunded} />
          </div>
          <p className="mt-3 text-sm text-muted">
            <output aria-label="Settlement">
              {settlement.deposited === settlement.paid + settlement.refunded
                ? "Deposited is exactly paid plus refunded."
                : "Deposited is not paid plus refunded: look at the chain before you go live again."}
            </output>
          </p>
        </div>
      )}
      {report.workers.length > 0 && (
        <ul
          aria-label="Workers and what they earned"
          className="mt-5 grid gap-4 border-t border-line pt-4 sm:grid-cols-3"
        >
          {report.workers.map((one) => (
            <li key={one.peer}>
              <Money label={`Earned by ${format.shortId(one.peer)}`} value={BigInt(one.earned)} />
              <p className="text-[0.8125rem] text-muted">
                {format.counted(one.segments, "segment")}, to {format.shortAddress(one.payee)}
              </p>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

/** A column that a phone has no room for. */
const wide = "hidden sm:table-cell";

function Segments({ rows }: { rows: readonly SegmentRow[] }) {
  if (rows.length === 0)
    return (
      <p className="py-6 text-center text-[0.9375rem] text-muted">
        The first segment closes after about two seconds.
      </p>
    );
  return (
    <Scroller label="Segment table" className="max-h-[32rem]">
      <table className="w-full text-left text-[0.8125rem] whitespace-nowrap sm:text-sm">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th className="py-2 pr-2 sm:pr-3 font-medium">No.</th>
            <th className="py-2 pr-2 sm:pr-3 font-medium">Worker</th>
            <th className={`py-2 pr-2 sm:pr-3 font-medium ${wide}`}>Rungs</th>
            <th className={`py-2 pr-6 text-right font-medium ${wide}`}>Time</th>
            <th className="py-2 pr-2 sm:pr-3 font-medium">Verified</th>
            <th className="py-2 text-right font-medium">Paid</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <SegmentLineRow key={row.seq} row={row} />
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

function SegmentLineRow({ row }: { row: SegmentRow }) {
  const unit = useUnit();
  const made = row.lines.filter((line) => line.worker !== undefined);
  const workers = [...new Set(made.map((line) => line.worker as string))];
  const paid = row.lines.reduce((sum, line) => sum + BigInt(line.paid), 0n);
  const slowest = Math.max(0, ...made.map((line) => line.roundTripMs));
  // Who had it before the one whose work is shown; nobody, while it is still under way.
  const took = row.sentTo.findIndex((one) => workers.includes(one));
  const sentBefore = took < 0 ? row.sentTo : row.sentTo.slice(0, took);
  const before = workers.length > 0 ? [...new Set(sentBefore)] : [];
  return (
    <tr className="border-t border-line">
      <td className="py-2 pr-2 sm:pr-3">{row.seq}</td>
      <td className="py-2 pr-2 sm:pr-3 font-mono">
        {workers.length > 0
          ? workers.map((one) => (one === "local" ? "this tab" : format.shortId(one))).join(", ")
          : row.sentTo.length > 0
            ? format.shortId(row.sentTo.at(-1) as string)
            : "–"}
        {before.length > 0 && (
          <span className="block text-xs text-muted">
            after {before.map(format.shortId).join(", ")}
          </span>
        )}
      </td>
      <td className={`py-2 pr-2 sm:pr-3 ${wide}`}>
        {row.closed ? made.map((line) => line.rung).join(", ") || "–" : "on its way"}
        {row.gaps.length > 0 && (
          <span className="ml-2 text-bad">missing: {row.gaps.join(", ")}</span>
        )}
      </td>
      <td className={`py-2 pr-6 text-right ${wide}`}>
        {row.closed && made.length > 0 ? format.millis(slowest) : "–"}
      </td>
      <td className="py-2 pr-2 sm:pr-3">
        {!row.closed
          ? "–"
          : row.lines.length + row.gaps.length === 0
            ? "original only"
            : `${row.lines.filter((line) => line.verified).length} of ${row.lines.length}`}
        {row.gaps.length > 0 && (
          <span className="block text-xs whitespace-normal text-bad sm:hidden">
            missing: {row.gaps.join(", ")}
          </span>
        )}
      </td>
      <td className="py-2 text-right">{paid > 0n ? Amounts.text(Amounts.of(paid, unit)) : "–"}</td>
    </tr>
  );
}
