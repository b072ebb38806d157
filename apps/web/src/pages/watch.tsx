import { originalName } from "@tabcast/media/ladder";
import type { LiveStream, Viewer } from "@tabcast/node/types";
import { CodedError, describe } from "@tabcast/runtime";
import { useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import * as format from "../format.ts";
import { useFragment } from "../fragment.ts";
import { type Player, type PlayerState, play } from "../player.ts";
import { useStore } from "../store.ts";
import { type OnTheAir, tab } from "../tab.ts";
import { buttonClass } from "../ui/button.tsx";
import { Badge, Empty, Heading, Notice, Panel } from "../ui/parts.tsx";
import { Deliveries, Numbers } from "../watch/facts.tsx";
import { coverOf, Screen } from "../watch/screen.tsx";
import * as Watching from "../watching.ts";

/** What is on air, or one stream of it. */
export default function WatchPage({ stream }: { stream?: string }) {
  const key = useFragment();
  if (stream === undefined) return <LiveList />;
  // With another key it is another stream to who watches it: everything begins anew.
  return <Theatre key={key} stream={stream} secret={key === "" ? undefined : key} />;
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

/** Follows a stream and plays it in `video`, as long as the page shows it. */
function useStream(
  stream: string,
  secret: string | undefined,
  video: React.RefObject<HTMLVideoElement | null>,
) {
  const player = useRef<Player>(undefined);
  const [watching, setWatching] = useState(Watching.notYetWatching);
  const [shown, setShown] = useState<PlayerState>(loading);
  const [trouble, setTrouble] = useState<string>();
  const [patience, setPatience] = useState(false);

  useEffect(() => {
    const own = new AbortController();
    let viewer: Viewer | undefined;
    const late = setTimeout(() => setPatience(true), 15_000);
    tab
      .watch({
        stream,
        ...(secret !== undefined && { key: secret }),
        on: (event) => setWatching((now) => Watching.step(now, event)),
        signal: own.signal,
      })
      .then((opened) => {
        viewer = opened;
        if (own.signal.aborted || video.current === null) return void opened.close();
        player.current = play({ viewer: opened, video: video.current, on: setShown });
      })
      .catch((thrown: unknown) => {
        if (own.signal.aborted) return;
        const cut = thrown instanceof CodedError && thrown.code === "PROTOCOL_KEY";
        setTrouble(cut ? Watching.lockedWords.cut : describe(thrown));
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
  }, [stream, secret, video]);
  return { player, watching, shown, trouble, patience };
}

function Theatre({ stream, secret }: { stream: string; secret: string | undefined }) {
  const video = useRef<HTMLVideoElement>(null);
  const { player, watching, shown, patience, ...told } = useStream(stream, secret, video);
  const joined = useStore(tab.state).phase === "joined";
  const { live, locked } = watching;
  const trouble = told.trouble ?? (locked && Watching.lockedWords[locked]);
  const rungOf = (name: string | undefined) =>
    name === undefined
      ? undefined
      : name === "source"
        ? live?.source
        : live?.rungs.find((one) => one.name === name);
  /** The source is one of the rungs to whoever watches. */
  const nameOf = (name: string) =>
    name === "source" && live !== undefined ? originalName(live.source) : name;
  const current = rungOf(shown.current);
  const offered = Watching.offered(watching, shown.rungs);
  const over = shown.phase === "ended";

  return (
    <>
      <StreamTitle watching={watching} isPrivate={secret !== undefined || locked !== undefined} />

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
              text: one === undefined ? name : `${nameOf(name)}, ${format.bitrate(one.bitrate)}`,
            };
          })}
        over={coverOf({ shown, trouble, joined, live: live !== undefined })}
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
        <Numbers watching={watching} shown={shown} current={current} nameOf={nameOf} />
        {watching.sources.size > 0 && (
          <Panel title="Who delivered it" aside="Every byte checked against the signed entries">
            <Deliveries sources={watching.sources} nameOf={nameOf} />
          </Panel>
        )}
      </div>
    </>
  );
}

function titleOf({ live, locked }: Watching.Watching): string {
  if (live !== undefined) return live.title || "Untitled stream";
  return locked === undefined ? "Opening the stream" : "A private stream";
}

function StreamTitle({ watching, isPrivate }: { watching: Watching.Watching; isPrivate: boolean }) {
  const { live, ended } = watching;
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
          {titleOf(watching)}
        </h1>
        {ended ? <Badge>Ended</Badge> : live !== undefined && <Badge tone="live">Live</Badge>}
        {isPrivate && <Badge>Private</Badge>}
      </div>
    </>
  );
}
