import { Progress } from "@base-ui/react/progress";
import type { Unit } from "@tabcast/tab/money";
import { ofWorker } from "../duties.ts";
import { type Earning, sentence } from "../earning.ts";
import * as format from "../format.ts";
import * as Pace from "../pace.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Duties } from "../ui/duties.tsx";
import { useNow } from "../ui/now.ts";
import { Badge, Money, Notice, Panel, Spinner, Stat, Stats } from "../ui/parts.tsx";
import { TakingsPanel } from "../ui/takings.tsx";
import { useUnit } from "../unit.ts";
import { ChangeSettings } from "./change.tsx";
import { GasPurse } from "./gas-purse.tsx";
import { Jobs } from "./jobs.tsx";

/** While this tab works: what it earned, what it does, and the ways to change that. */
export function Working({ earning }: { earning: Earning }) {
  const { phase, payee, wallet } = earning;
  const unit = useUnit();
  if (phase === "checking") return <Checking check={earning.check} />;
  return (
    <div className="space-y-5">
      <Now earning={earning} />
      <Duties duties={dutiesOf(earning, unit)} />
      <Notices earning={earning} />
      {phase !== "stopping" && <ChangeSettings />}
      <div className="grid gap-5 lg:grid-cols-[2fr_3fr]">
        <div className="space-y-5">
          {payee !== undefined && (
            <TakingsPanel
              who={{ address: payee, ...(wallet && { wallet }) }}
              heard={earning.heard}
              every={5_000}
            />
          )}
          <Device measured={earning.measured} />
          <HiredBy earning={earning} />
          <GasPurse payee={payee} />
        </div>
        <Panel title="Jobs">
          <Stats>
            <Stat label="Segments delivered">{earning.done}</Stat>
            <Stat label="Segments failed">{earning.failed}</Stat>
          </Stats>
          <Jobs jobs={earning.jobs} />
        </Panel>
      </div>
    </div>
  );
}

function dutiesOf({ heard, wallet }: Earning, unit: Unit) {
  const { due, waiting, keepers } = heard;
  return ofWorker(
    {
      due: [...due.values()],
      unguaranteed: waiting.size,
      keepers: keepers.size === 0 ? undefined : Math.min(...keepers.values()),
      canClaim: wallet !== undefined,
    },
    unit,
  );
}

/** Who would claim for this tab, once somebody does. */
function Keepers({ heard: { keepers } }: Pick<Earning, "heard">) {
  const fewest = keepers.size === 0 ? 0 : Math.min(...keepers.values());
  return fewest === 0 ? null : (
    <p className="mt-2 text-[0.9375rem] text-muted">
      {format.counted(fewest, "other tab keeps", "other tabs keep")} what you earned, and would
      claim it for you.
    </p>
  );
}

function Checking({ check }: { check: Earning["check"] }) {
  return (
    <Panel title="Check this device">
      <Progress.Root
        value={check === undefined ? null : ((check.step - 1) / check.steps) * 100}
        aria-label="Checking this device"
      >
        <Progress.Track className="h-2 overflow-hidden rounded-full bg-line">
          <Progress.Indicator className="rounded-full bg-accent motion-safe:transition-all" />
        </Progress.Track>
      </Progress.Root>
      <p role="status" className="mt-3 text-[0.9375rem] text-muted">
        {check === undefined
          ? "Loading the codecs"
          : `${format.codec(check.codec)}: ${format.counted(check.frames, "frame")} done. Step ${check.step} of at most ${check.steps}.`}
      </p>
      <Button className="mt-4" onClick={() => void tab.stopWorker()}>
        Cancel
      </Button>
    </Panel>
  );
}

function Now({ earning }: { earning: Earning }) {
  const unit = useUnit();
  const now = useNow(5_000);
  const { phase } = earning;
  const paused = phase === "paused";
  return (
    <Panel>
      <div className="flex flex-wrap items-start justify-between gap-x-8 gap-y-5">
        <div>
          <Money label="Earned" value={earning.earned} big />
          <p className="mt-1 text-[0.9375rem] text-muted">
            <output aria-label="Earned an hour" aria-live="off">
              {Pace.sentence(earning.pace, now, unit)}
            </output>
          </p>
        </div>
        <div className="flex w-full gap-2 sm:w-auto">
          <Button
            className="flex-1 sm:flex-none"
            disabled={phase !== "working" && !paused}
            onClick={() => (paused ? tab.resumeWorker() : tab.pauseWorker())}
          >
            {paused ? "Resume" : "Pause"}
          </Button>
          <Button
            look="stop"
            className="flex-1 sm:flex-none"
            disabled={phase === "stopping"}
            onClick={() => void tab.stopWorker()}
          >
            Stop earning
          </Button>
        </div>
      </div>
      <p className="mt-4 flex items-center gap-3 border-t border-line pt-4">
        {phase === "working" && earning.resting === undefined && <Spinner className="size-5" />}
        <output aria-label="Worker state">{sentence(earning)}</output>
      </p>
      <Keepers heard={earning.heard} />
    </Panel>
  );
}

function Notices({ earning }: { earning: Earning }) {
  const { phase } = earning;
  return (
    <>
      {phase === "working" && !earning.reachable && (
        <Notice tone="warn" title="No relay holds a slot for this tab yet">
          Broadcasters cannot reach it until one does. The tab keeps asking; if this stays, a
          firewall may block the relay.
        </Notice>
      )}
      {earning.refused !== undefined && earning.refused.what !== "bid" && (
        <Notice tone="warn" title={`Refused: ${earning.refused.what}`}>
          {format.sentence(earning.refused.why)} Other streams are not affected.
        </Notice>
      )}
    </>
  );
}

function Device({ measured }: Pick<Earning, "measured">) {
  return (
    <Panel title="This device">
      <dl className="space-y-2 text-[0.9375rem]">
        {measured.map((one) => (
          <div key={one.codec} className="flex flex-wrap justify-between gap-x-4">
            <dt className="font-medium">
              {format.codec(one.codec)}{" "}
              <span className="font-normal text-muted">
                {one.hardware === "hw" ? "hardware" : one.hardware === "sw" ? "software" : ""}
              </span>
            </dt>
            <dd className="text-muted">{format.speed(one.pixelsPerSecond)}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

function HiredBy({ earning }: { earning: Earning }) {
  return (
    <Panel title="Hired by">
      {earning.hired.size === 0 ? (
        <p className="text-[0.9375rem] text-muted">
          Nobody yet.{" "}
          {earning.bids > 0
            ? `${format.counted(earning.bids, "bid")} taken.`
            : "This tab bids as soon as it hears an offer."}
          {earning.refused?.what === "bid" &&
            ` The last bid was turned down: ${earning.refused.why}.`}
        </p>
      ) : (
        <ul className="space-y-2">
          {[...earning.hired].map(([stream, role]) => (
            <li key={stream} className="flex items-center justify-between gap-3">
              <a
                href={`/watch/${stream}`}
                target="_blank"
                rel="noreferrer"
                className="rounded font-mono text-sm underline underline-offset-2"
              >
                {format.shortId(stream)}
              </a>
              <Badge tone={role === "crew" ? "good" : "plain"}>{role}</Badge>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
