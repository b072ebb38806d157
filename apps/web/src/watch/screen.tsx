import { type KeyboardEvent, useRef, useState } from "react";
import { Link } from "wouter";
import type { Player, PlayerState } from "../player.ts";
import { Button, buttonClass } from "../ui/button.tsx";
import { inputClass, Spinner } from "../ui/parts.tsx";

const control =
  "inline-flex size-11 shrink-0 items-center justify-center rounded-lg hover:bg-sunken disabled:opacity-50";

function Cover({ children, clear = false }: { children: React.ReactNode; clear?: boolean }) {
  return (
    <div
      className={`absolute inset-0 flex flex-col items-center justify-center px-4 text-white ${clear ? "bg-black/45" : "bg-black/80"}`}
    >
      {children}
    </div>
  );
}

/** What lies over the picture while there is none to see. */
export function coverOf({
  shown,
  trouble,
  joined,
  live,
}: {
  shown: PlayerState;
  trouble: string | undefined;
  joined: boolean;
  live: boolean;
}) {
  const waiting = shown.phase === "waiting" || (shown.phase === "loading" && trouble === undefined);
  return shown.phase === "ended" ? (
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
          : !joined
            ? "Joining the network"
            : !live
              ? "Looking for this stream"
              : "Fetching the first segments"}
      </p>
    </Cover>
  ) : null;
}

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
export function Screen({
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
        <Sound video={video} muted={muted} mute={mute} disabled={!sound} />
        <Button look="quiet" aria-label="Go to live" onClick={() => player.current?.toLive()}>
          <span className="hidden sm:inline">Go to</span>{" "}
          <span className="max-sm:capitalize">live</span>
        </Button>
        <RungChoice rungs={rungs} chosen={shown.chosen} player={player} />
        <button type="button" aria-label="Full screen" onClick={large} className={control}>
          <Icon path="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5" />
        </button>
      </div>
    </section>
  );
}

function Sound({
  video,
  muted,
  mute,
  disabled,
}: {
  video: React.RefObject<HTMLVideoElement | null>;
  muted: boolean;
  mute: (muted: boolean) => void;
  disabled: boolean;
}) {
  const [volume, setVolume] = useState(1);
  return (
    <>
      <button
        type="button"
        aria-label={muted ? "Unmute" : "Mute"}
        disabled={disabled}
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
        disabled={disabled}
        onChange={(event) => {
          const next = event.target.valueAsNumber / 100;
          if (video.current !== null) video.current.volume = next;
          setVolume(next);
          mute(next === 0);
        }}
        className="mx-2 hidden w-24 accent-[var(--accent)] disabled:opacity-50 sm:block"
      />
    </>
  );
}

function RungChoice({
  rungs,
  chosen,
  player,
}: {
  rungs: readonly { name: string; text: string }[];
  chosen: string;
  player: React.RefObject<Player | undefined>;
}) {
  return (
    <label className="ml-auto flex items-center gap-2 text-sm">
      <span className="hidden text-muted sm:inline">Rung</span>
      <select
        aria-label="Rung"
        value={chosen}
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
  );
}
