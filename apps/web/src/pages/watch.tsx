import type { LiveStream, Viewer } from "@tabcast/node/types";
import { describe } from "@tabcast/runtime";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import * as format from "../format.ts";
import { type Player, type PlayerState, play } from "../player.ts";
import { useStore } from "../store.ts";
import { type OnTheAir, tab } from "../tab.ts";
import { Button, buttonClass } from "../ui/button.tsx";
import {
  Badge,
  Empty,
  Heading,
  inputClass,
  Notice,
  Panel,
  Scroller,
  Spinner,
  Stat,
  Stats,
} from "../ui/parts.tsx";
import * as Watching from "../watching.ts";

/** What is on air, or one stream of it. */
export default function WatchPage({ stream }: { stream?: string }) {
  return stream === undefined ? <LiveList /> : <Theatre stream={stream} />;
}

function LiveList() {
  const [now, setNow] = useState<OnTheAir>({ listened: false, streams: [] });
  useEffect(() => {
    const own = new AbortController();
    tab.liveStreams(setNow, { signal: own.signal });
    return () => own.abort();
  }, []);
  const { phase, trouble } = useStore(tab.state);
  return (
    <>
      <Heading title="On air now">Live streams, straight from the tabs that make them.</Heading>
      {now.streams.length > 0 ? (
        <ul aria-label="Live streams" className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
          {now.streams.map((one) => (
            <li key={one.stream}>
              <StreamCard live={one} />
            </li>
          ))}
        </ul>
      ) : phase === "failed" ? (
        <Notice tone="bad" title="The network cannot be reached">
          {format.sentence(trouble)} This page tries again every few seconds; nothing needs to be
          done here.
        </Notice>
      ) : now.listened ? (
        <Empty
          title="Nothing is on air"
          action={
            <Link href="/broadcast" className={buttonClass("main")}>
              Go live yourself
            </Link>
          }
        >
          This page keeps listening. A stream appears here a few seconds after it begins.
        </Empty>
      ) : (
        <Empty busy title="Looking for streams">
          Asking the network what is on air. This takes a few seconds.
        </Empty>
      )}
    </>
  );
}

/** The largest rung, or the source, for a word on how good a stream can look. */
function best(live: LiveStream) {
  return [...live.rungs, live.source].reduce((a, b) => (b.height > a.height ? b : a));
}

function StreamCard({ live }: { live: LiveStream }) {
  const heights = [...new Set([...live.rungs, live.source].map((one) => one.height))].sort(
    (a, b) => a - b,
  );
  return (
    <Link
      href={`/watch/${live.stream}`}
      className="group flex h-full flex-col rounded-xl border border-line bg-panel p-5 transition-colors hover:border-edge"
    >
      <div className="mb-3 flex items-center justify-between gap-3">
        <Badge tone="live">Live</Badge>
        <span className="text-[0.8125rem] text-muted">
          {format.ago(live.startedAt, Date.now())}
        </span>
      </div>
      <h2 className="line-clamp-2 text-lg font-semibold [overflow-wrap:anywhere] group-hover:underline">
        {live.title || "Untitled stream"}
      </h2>
      <p className="mt-2 text-sm text-muted">
        {format.pixels(best(live))}, {format.codec(live.codec)}
        {live.audio ? ", with sound" : ", no sound"}
      </p>
      <p className="mt-1 text-sm text-muted">
        {format.counted(heights.length, "rung")}: {heights.map((height) => `${height}p`).join(", ")}
      </p>
    </Link>
  );
}

const loading: PlayerState = {
  rungs: [],
  chosen: "auto",
  buffered: 0,
  phase: "loading",
  played: new Map(),
};

function Theatre({ stream }: { stream: string }) {
  const video = useRef<HTMLVideoElement>(null);
  const player = useRef<Player>(undefined);
  const [watching, setWatching] = useState(Watching.notYetWatching);
  const [shown, setShown] = useState<PlayerState>(loading);
  const [trouble, setTrouble] = useState<string>();
  const [patience, setPatience] = useState(false);
  const network = useStore(tab.state);

  useEffect(() => {
    const own = new AbortController();
    let viewer: Viewer | undefined;
    const late = setTimeout(() => setPatience(true), 15_000);
    tab
      .watch({
        stream,
        on: (event) => setWatching((now) => Watching.step(now, event)),
        signal: own.signal,
      })
      .then((opened) => {
        viewer = opened;
        if (own.signal.aborted || video.current === null) return void opened.close();
        player.current = play({ viewer: opened, video: video.current, on: setShown });
      })
      .catch((thrown: unknown) => {
        if (!own.signal.aborted) setTrouble(describe(thrown));
      });
    return () => {
      clearTimeout(late);
      own.abort();
      player.current?.close();
      player.current = undefined;
      void viewer?.close();
      setWatching(Watching.notYetWatching);
      setShown(loading);
    };
  }, [stream]);

  const { live } = watching;
  const rungOf = (name: string | undefined) =>
    name === undefined
      ? undefined
      : name === "source"
        ? live?.source
        : live?.rungs.find((one) => one.name === name);
  const current = rungOf(shown.current);
  const offered = Watching.offered(watching, shown.rungs);
  const over = shown.phase === "ended";
  const waiting = shown.phase === "waiting" || (shown.phase === "loading" && trouble === undefined);

  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-x-3 gap-y-1">
        <Link
          href="/watch"
          className="rounded text-sm text-muted underline underline-offset-2 hover:text-ink"
        >
          All streams
        </Link>
      </div>
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <h1 className="text-2xl font-semibold tracking-tight [overflow-wrap:anywhere]">
          {live === undefined ? "Opening the stream" : live.title || "Untitled stream"}
        </h1>
        {watching.ended ? (
          <Badge>Ended</Badge>
        ) : (
          live !== undefined && <Badge tone="live">Live</Badge>
        )}
      </div>

      <Screen
        video={video}
        player={player}
        shown={shown}
        sound={live?.audio ?? false}
        rungs={shown.rungs
          .filter((name) => offered.includes(name) || name === shown.chosen)
          .map((name) => {
            const one = rungOf(name);
            return {
              name,
              text: one === undefined ? name : `${name}, ${format.bitrate(one.bitrate)}`,
            };
          })}
        over={
          over ? (
            <Cover>
              <p role="status" className="text-lg font-medium">
                The stream has ended
              </p>
              <Link href="/watch" className={`${buttonClass("main")} mt-4`}>
                See what else is on air
              </Link>
            </Cover>
          ) : trouble !== undefined || shown.phase === "failed" ? (
            <Cover>
              <p role="alert" className="max-w-md text-center">
                {trouble ?? shown.trouble}
              </p>
              <Button look="main" className="mt-4" onClick={() => location.reload()}>
                Try again
              </Button>
            </Cover>
          ) : waiting ? (
            <Cover clear={shown.phase === "waiting"}>
              <Spinner className="size-8" />
              <p role="status" className="mt-3 max-w-sm text-center text-[0.9375rem]">
                {shown.phase === "waiting"
                  ? "Waiting for the next segment"
                  : network.phase !== "joined"
                    ? "Joining the network"
                    : live === undefined
                      ? "Looking for this stream"
                      : "Fetching the first segments"}
              </p>
            </Cover>
          ) : null
        }
      />

      <div className="mt-4 space-y-4">
        {shown.trouble !== undefined && shown.phase !== "failed" && !over && (
          <Notice tone="warn">{shown.trouble}</Notice>
        )}
        {live === undefined && patience && trouble === undefined && (
          <Notice tone="warn" title="Nobody has announced this stream yet">
            It may have ended, or not begun. This page keeps listening and starts by itself; the
            link may also be incomplete.
          </Notice>
        )}
        <Panel>
          <Stats>
            <Stat label="Seconds behind live">
              {shown.behind === undefined || over ? "–" : format.seconds(shown.behind)}
            </Stat>
            <Stat label="Current rung">
              {current === undefined ? (shown.current ?? "–") : format.rung(current)}
            </Stat>
            <Stat label="Delivered by">
              {watching.from === undefined ? "–" : format.shortId(watching.from)}
            </Stat>
            <Stat
              label="Bytes checked"
              note={
                watching.refused > 0
                  ? `${format.counted(watching.refused, "answer")} refused, asked elsewhere`
                  : undefined
              }
            >
              {format.bytes(watching.checked)}
            </Stat>
          </Stats>
          <Strip watching={watching} shown={shown} />
        </Panel>
        {watching.sources.size > 0 && (
          <Panel title="Who delivered it" aside="Every byte checked against the signed entries">
            <Deliveries sources={watching.sources} />
          </Panel>
        )}
      </div>
    </>
  );
}

function Cover({ children, clear = false }: { children: React.ReactNode; clear?: boolean }) {
  return (
    <div
      className={`absolute inset-0 flex flex-col items-center justify-center px-4 text-white ${clear ? "bg-black/45" : "bg-black/80"}`}
    >
      {children}
    </div>
  );
}

const control =
  "inline-flex size-11 shrink-0 items-center justify-center rounded-lg hover:bg-sunken disabled:opacity-50";

function Icon({ path }: { path: string }) {
  return (
    <svg
      viewBox="0 0 24 24"
      className="size-5"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={path} />
    </svg>
  );
}

/** The picture and its controls. */
function Screen({
  video,
  player,
  shown,
  sound,
  rungs,
  over,
}: {
  video: React.RefObject<HTMLVideoElement | null>;
  player: React.RefObject<Player | undefined>;
  shown: PlayerState;
  sound: boolean;
  rungs: readonly { name: string; text: string }[];
  over: React.ReactNode;
}) {
  const frame = useRef<HTMLElement>(null);
  const [muted, setMuted] = useState(true);
  const [volume, setVolume] = useState(1);
  const paused = shown.phase === "paused";
  const toggle = () => {
    const element = video.current;
    if (element === null) return;
    if (element.paused) void element.play().catch(() => undefined);
    else element.pause();
  };
  const mute = (next: boolean) => {
    if (video.current !== null) video.current.muted = next;
    setMuted(next);
  };
  const large = () =>
    void (
      document.fullscreenElement === null
        ? frame.current?.requestFullscreen()
        : document.exitFullscreen()
    )?.catch(() => undefined);
  const keys = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget && event.target !== video.current) return;
    if (event.key === " " || event.key === "k") toggle();
    else if (event.key === "m") mute(!muted);
    else if (event.key === "f") large();
    else return;
    event.preventDefault();
  };
  return (
    <section
      ref={frame}
      aria-label="Player"
      className="-mx-4 flex flex-col overflow-hidden border-y border-line bg-panel sm:mx-0 sm:rounded-xl sm:border"
    >
      <div className="relative min-h-0 grow bg-black">
        <video
          ref={video}
          aria-label="Live picture"
          tabIndex={0}
          onKeyDown={keys}
          onClick={toggle}
          muted
          autoPlay
          playsInline
          className="aspect-video max-h-[70dvh] w-full bg-black object-contain"
        />
        {over}
        {muted && sound && over === null && (
          <Button look="main" className="absolute top-3 left-3" onClick={() => mute(false)}>
            Turn sound on
          </Button>
        )}
      </div>
      <div className="flex flex-wrap items-center gap-x-1 gap-y-1 px-2 py-1.5">
        <button
          type="button"
          aria-label={paused ? "Play" : "Pause"}
          onClick={toggle}
          className={control}
        >
          <Icon path={paused ? "M7 5l12 7-12 7z" : "M8 5v14M16 5v14"} />
        </button>
        <button
          type="button"
          aria-label={muted ? "Unmute" : "Mute"}
          disabled={!sound}
          onClick={() => mute(!muted)}
          className={control}
        >
          <Icon
            path={
              muted
                ? "M4 10v4h4l5 4V6L8 10zM17 9.5l5 5M22 9.5l-5 5"
                : "M4 10v4h4l5 4V6L8 10zM17 9a4.5 4.5 0 0 1 0 6M19.5 6.5a8 8 0 0 1 0 11"
            }
          />
        </button>
        <input
          type="range"
          aria-label="Volume"
          min={0}
          max={100}
          value={muted ? 0 : Math.round(volume * 100)}
          disabled={!sound}
          onChange={(event) => {
            const next = event.target.valueAsNumber / 100;
            if (video.current !== null) video.current.volume = next;
            setVolume(next);
            mute(next === 0);
          }}
          className="mx-2 hidden w-24 accent-[var(--accent)] disabled:opacity-50 sm:block"
        />
        <Button look="quiet" aria-label="Go to live" onClick={() => player.current?.toLive()}>
          <span className="hidden sm:inline">Go to</span>{" "}
          <span className="max-sm:capitalize">live</span>
        </Button>
        <label className="ml-auto flex items-center gap-2 text-sm">
          <span className="hidden text-muted sm:inline">Rung</span>
          <select
            aria-label="Rung"
            value={shown.chosen}
            onChange={(event) => player.current?.choose(event.target.value)}
            className={`${inputClass} w-40 text-sm sm:w-44`}
          >
            <option value="auto">Auto</option>
            {rungs.map(({ name, text }) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
        <button type="button" aria-label="Full screen" onClick={large} className={control}>
          <Icon path="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" />
        </button>
      </div>
    </section>
  );
}

function Deliveries({ sources }: { sources: Watching.Watching["sources"] }) {
  const rows = [...sources].sort(([, a], [, b]) => b.bytes - a.bytes);
  return (
    <Scroller label="Deliveries" className="max-h-64">
      <table className="w-full text-left text-sm">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th className="py-2 pr-3 font-medium">Peer</th>
            <th className="py-2 pr-3 font-medium">What</th>
            <th className="py-2 text-right font-medium">Checked</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([peer, { tracks, bytes }]) => (
            <tr key={peer} className="border-t border-line">
              <td className="py-2 pr-3 font-mono">{format.shortId(peer)}</td>
              <td className="py-2 pr-3">{tracks.join(", ")}</td>
              <td className="py-2 text-right whitespace-nowrap">{format.bytes(bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  );
}

/** The last segments: how tall says which rung, a hatched place says that nobody has it. */
function Strip({ watching, shown }: { watching: Watching.Watching; shown: PlayerState }) {
  const cells = Watching.strip(watching, shown, shown.rungs, Watching.SHOWN);
  const count = (kind: Watching.Cell["kind"]) => cells.filter((one) => one.kind === kind).length;
  const height = (rung: string) => {
    const at = shown.rungs.indexOf(rung);
    return shown.rungs.length < 2 ? 100 : 35 + (65 * at) / (shown.rungs.length - 1);
  };
  return (
    <div className="mt-5">
      <div className="flex h-9 items-end gap-0.5" aria-hidden="true">
        {cells.map((one) => (
          <div
            key={one.seq}
            title={`Segment ${one.seq}: ${one.kind === "played" ? one.rung : one.kind === "gap" ? "missing" : one.kind}`}
            className={`max-w-8 min-w-0 flex-1 rounded-xs ${
              one.kind === "played"
                ? one.seq === shown.seq
                  ? "bg-accent"
                  : "bg-accent/55"
                : one.kind === "gap"
                  ? "hatched h-full border border-bad"
                  : one.kind === "skipped"
                    ? "h-1 bg-edge"
                    : "h-1 bg-line"
            }`}
            style={one.kind === "played" ? { height: `${height(one.rung ?? "")}%` } : undefined}
          />
        ))}
      </div>
      <p className="mt-2 text-[0.8125rem] text-muted">
        <output aria-label="Recent segments" aria-live="off">
          {cells.length === 0
            ? "No segment yet."
            : `Last ${format.counted(cells.length, "segment")}: ${count("played")} shown, ${count("ahead")} ready or on the way, ${count("gap")} missing${count("skipped") > 0 ? `, ${count("skipped")} passed over` : ""}.`}
        </output>{" "}
        Taller means a higher rung.
      </p>
    </div>
  );
}
