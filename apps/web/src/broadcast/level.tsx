import { type Level, openMeter, SILENCE } from "@tabcast/media";
import { useEffect, useRef, useState } from "react";

/** The quietest level that the bar shows, in dBFS. */
const BOTTOM = -60;
/** From here on samples are clipped, or soon will be, in dBFS. */
const TOO_LOUD = -1;
/** How often the words beside the bar change, in milliseconds: faster cannot be read. */
const WORDS_MS = 500;

const percent = (level: number) => `${Math.max(0, 100 * (1 - level / BOTTOM)).toFixed(1)}%`;

const said = ({ held }: Level) =>
  held <= SILENCE
    ? "Nothing is heard"
    : held >= TOO_LOUD
      ? "Too loud"
      : `Peak ${Math.round(held)} dB`;

/** How loud a track is, now and at its peak of late. */
export function LevelMeter({ track }: { track: MediaStreamTrack }) {
  const meter = useRef<HTMLMeterElement>(null);
  const bar = useRef<HTMLDivElement>(null);
  const peak = useRef<HTMLDivElement>(null);
  const [text, say] = useState("");
  useEffect(() => {
    const open = openMeter(track);
    let spoken = Number.NEGATIVE_INFINITY;
    let drawing = requestAnimationFrame(function draw(now) {
      const level = open.read();
      bar.current?.style.setProperty("inline-size", percent(level.peak));
      peak.current?.style.setProperty("inset-inline-start", percent(level.held));
      if (now - spoken >= WORDS_MS) {
        spoken = now;
        say(said(level));
        meter.current?.setAttribute(
          "aria-valuenow",
          String(Math.max(BOTTOM, Math.round(level.held))),
        );
      }
      drawing = requestAnimationFrame(draw);
    });
    return () => {
      cancelAnimationFrame(drawing);
      open.close();
    };
  }, [track]);
  return (
    <div className="flex items-center gap-3">
      <meter
        ref={meter}
        aria-label="Sound level"
        aria-valuetext={text}
        min={BOTTOM}
        max={0}
        className="sr-only"
      />
      <div
        aria-hidden="true"
        className="relative h-3 min-w-0 flex-1 overflow-hidden rounded-full border border-line bg-sunken"
      >
        <div ref={bar} className="h-full bg-accent" />
        <div ref={peak} className="absolute inset-y-0 -ms-0.5 w-0.5 bg-ink" />
      </div>
      <span aria-hidden="true" className="w-32 text-[0.8125rem] text-muted">
        {text}
      </span>
    </div>
  );
}
