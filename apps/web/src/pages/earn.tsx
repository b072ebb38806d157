import { Progress } from "@base-ui/react/progress";
import { useCallback, useState } from "react";
import { type Earning, type JobLine, sentence } from "../earning.ts";
import * as format from "../format.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import {
  Badge,
  Empty,
  Heading,
  Money,
  Notice,
  Panel,
  Scroller,
  Spinner,
  Stat,
  Stats,
} from "../ui/parts.tsx";
import { type Chosen, PayChoice } from "../ui/pay-choice.tsx";
import { TakingsPanel } from "../ui/takings.tsx";

/** Turns this tab into a worker, and shows what it does and earns. */
export default function EarnPage() {
  const earning = useStore(tab.earning);
  const active = earning.phase !== "idle" && earning.phase !== "failed";
  return (
    <>
      <Heading title="Earn">
        This tab transcodes live video for people who broadcast, and is paid for every segment they
        verify.
      </Heading>
      {active ? <Working earning={earning} /> : <Begin earning={earning} />}
    </>
  );
}

function Begin({ earning }: { earning: Earning }) {
  const { config, phase, trouble } = useStore(tab.state);
  const [chosen, setChosen] = useState<Chosen>();
  const choose = useCallback((next: Chosen | undefined) => setChosen(next), []);
  return (
    <div className="grid gap-5 lg:grid-cols-[3fr_2fr]">
      <Panel>
        {earning.phase === "failed" && (
          <div className="mb-5">
            <Notice tone="bad" title="The worker stopped">
              {format.sentence(earning.trouble)} What it earned is kept in this browser. You can
              start again.
            </Notice>
          </div>
        )}
        {config === undefined ? (
          phase === "failed" ? (
            <Notice tone="bad" title="The network cannot be reached">
              {format.sentence(trouble)} This page tries again every few seconds.
            </Notice>
          ) : (
            <p role="status" className="flex items-center gap-3 py-6 text-muted">
              <Spinner /> Joining the network
            </p>
          )
        ) : (
          <div className="space-y-6">
            <PayChoice legend="Where payments go" chain={config.chain} paste onChange={choose} />
            <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
              <Button
                look="main"
                className="w-full sm:w-auto sm:px-8"
                disabled={chosen === undefined}
                onClick={() =>
                  chosen !== undefined &&
                  void tab.startWorker({
                    payee: chosen.address,
                    ...(chosen.wallet && { wallet: chosen.wallet }),
                  })
                }
              >
                Start earning
              </Button>
              <p className="text-sm text-muted">
                Checks this device first, which takes a few seconds. Stop at any time.
              </p>
            </div>
          </div>
        )}
      </Panel>
      <div className="space-y-5">
        {chosen !== undefined && <TakingsPanel key={chosen.address} who={chosen} />}
        {earning.done > 0 ? (
          <Panel title="Last time">
            <div className="space-y-4">
              <Money label="Earned" wei={earning.earned} />
              <p className="text-sm text-muted">
                {format.counted(earning.done, "segment")} delivered.
              </p>
            </div>
          </Panel>
        ) : (
          <Panel title="What happens">
            <ol className="list-decimal space-y-2 pl-5 text-[0.9375rem] text-muted marker:text-muted">
              <li>This device measures how fast it transcodes.</li>
              <li>The tab offers itself to streams that look for workers.</li>
              <li>Each verified segment is paid by a signed voucher, kept in this browser.</li>
              <li>Keep the tab open and the device plugged in: video is hard work.</li>
            </ol>
          </Panel>
        )}
      </div>
    </div>
  );
}

function Working({ earning }: { earning: Earning }) {
  const { phase, check } = earning;
  if (phase === "checking")
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
  const paused = phase === "paused";
  return (
    <div className="space-y-5">
      <Panel>
        <div className="flex flex-wrap items-start justify-between gap-x-8 gap-y-5">
          <Money label="Earned" wei={earning.earned} big />
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
          {phase === "working" && !paused && <Spinner className="size-5" />}
          <output aria-label="Worker state">{sentence(earning)}</output>
        </p>
      </Panel>

      {phase === "working" && !earning.reachable && (
        <Notice tone="warn" title="No relay holds a place for this tab yet">
          Broadcasters cannot reach it until one does. The tab keeps asking; if this stays, a
          firewall may block the relay.
        </Notice>
      )}
      {earning.refused !== undefined && earning.refused.what !== "bid" && (
        <Notice tone="warn" title={`Refused: ${earning.refused.what}`}>
          {format.sentence(earning.refused.why)} Other streams are not affected.
        </Notice>
      )}

      <div className="grid gap-5 lg:grid-cols-[2fr_3fr]">
        <div className="space-y-5">
          {earning.payee !== undefined && (
            <TakingsPanel
              who={{ address: earning.payee, ...(earning.wallet && { wallet: earning.wallet }) }}
              every={5_000}
            />
          )}
          <Panel title="This device">
            <dl className="space-y-2 text-[0.9375rem]">
              {earning.measured.map((one) => (
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

function Jobs({ jobs }: { jobs: readonly JobLine[] }) {
  if (jobs.length === 0)
    return (
      <div className="mt-4">
        <Empty title="No job yet">Jobs appear here as soon as a stream hires this tab.</Empty>
      </div>
    );
  return (
    <Scroller label="Recent jobs" className="mt-4 max-h-96">
      <table className="w-full text-left text-sm">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th className="py-2 pr-3 font-medium">Segment</th>
            <th className="py-2 pr-3 font-medium">State</th>
            <th className="py-2 pr-3 text-right font-medium">Time</th>
            <th className="py-2 text-right font-medium">Paid</th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={`${job.stream}/${job.seq}`} className="border-t border-line">
              <td className="py-2 pr-3">{job.seq}</td>
              <td className="py-2 pr-3">
                {job.state === "started"
                  ? "Working"
                  : job.state === "done"
                    ? "Delivered"
                    : `Failed${job.why === undefined ? "" : `: ${format.shortIds(job.why)}`}`}
              </td>
              <td className="py-2 pr-3 text-right">
                {job.state === "started" ? "–" : format.millis(job.ms)}
              </td>
              <td className="py-2 text-right">
                {job.paid === undefined ? "–" : format.money(job.paid)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}
