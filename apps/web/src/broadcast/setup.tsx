import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import {
  type CodecName,
  defaultLadder,
  openFile,
  type Rung,
  type SourceInfo,
} from "@tabcast/media";
import { Wei } from "@tabcast/runtime";
import type { HiringSettings } from "@tabcast/tab";
import { hiringDefaults } from "@tabcast/tab/settings";
import { useCallback, useEffect, useRef, useState } from "react";
import * as budget from "../budget.ts";
import * as format from "../format.ts";
import type { OnAir } from "../on-air.ts";
import { useStore } from "../store.ts";
import { type Input, tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Field, inputClass, Notice, Panel, Spinner } from "../ui/parts.tsx";
import { type Chosen, PayChoice } from "../ui/pay-choice.tsx";
import { type Words, words } from "../words.ts";
import { Controls, Troubles } from "./controls.tsx";
import { Hiring } from "./hiring.tsx";
import { Picture } from "./picture.tsx";
import { type Studio, studio } from "./studio.ts";

type Kind = Input["kind"];

const kinds: { kind: Kind; name: string; help: string }[] = [
  { kind: "camera", name: "Camera", help: "With its microphone" },
  { kind: "screen", name: "Screen", help: "A screen, window or tab" },
  { kind: "file", name: "File", help: "MP4, MOV, WebM, MKV, TS" },
  { kind: "scene", name: "Test scene", help: "A timecode and a tone" },
];

/** Sizes of the built-in scene: the smaller ones are for devices that also do other work. */
const scenes = [
  { width: 1280, height: 720 },
  { width: 854, height: 480 },
  { width: 640, height: 360 },
] as const;
/** Frames per second of the built-in scene, as media draws it by default. */
const SCENE_RATE = 25;

interface Ready {
  readonly input: Input;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly about: string;
}

const aboutFile = (info: SourceInfo) =>
  `${format.pixels(info)} at ${Math.round(info.frameRate * 100) / 100} frames/s, ${format.bitrate(info.bitrate)}${info.duration === undefined ? "" : `, ${format.clock(info.duration / 1e6)} long`}. ${info.passthrough ? "Sent as it is." : "Encoded again before it is sent."}`;

function openScene(size: (typeof scenes)[number]): Ready {
  return {
    input: { kind: "scene", ...size },
    ...size,
    frameRate: SCENE_RATE,
    about: `${format.pixels(size)} at ${SCENE_RATE} frames/s, drawn by this page.`,
  };
}

/** What the studio shows, once it shows it. */
function showing({ show, stream, picture }: Studio): Ready | undefined {
  const [track] = stream?.getVideoTracks() ?? [];
  if (show === undefined || track === undefined || picture === "lost") return undefined;
  const { width = 1280, height = 720, frameRate = 30 } = track.getSettings();
  return {
    input: { kind: show, open: studio.goLive, close: studio.close },
    width,
    height,
    frameRate,
    about: `${format.pixels({ width, height })} at ${Math.round(frameRate)} frames/s.`,
  };
}

async function openPicked(file: File): Promise<Ready> {
  const own = new AbortController();
  const source = await openFile(file, file.name, { signal: own.signal });
  source.close();
  const { info } = source;
  const { width, height, frameRate } = info;
  return { input: { kind: "file", file }, width, height, frameRate, about: aboutFile(info) };
}

/** Chooses what to show, the rungs and who pays, and goes live. */
export function Setup({ onAir }: { onAir: OnAir }) {
  const { config, phase, trouble } = useStore(tab.state);
  const [kind, setKind] = useState<Kind>();
  const devices = useStore(studio.state);
  /** The file or scene that was chosen. */
  const [picked, setPicked] = useState<Ready>();
  const [reading, setReading] = useState(false);
  const [failed, setFailed] = useState<Words>();
  const [title, setTitle] = useState("");
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [codec, setCodec] = useState<CodecName>("avc");
  const [workers, setWorkers] = useState("2");
  const [ether, setEther] = useState("0.05");
  const [hours, setHours] = useState("2");
  const [hiring, setHiring] = useState<HiringSettings | undefined>(hiringDefaults);
  const [chosen, setChosen] = useState<Chosen>();
  const choosePay = useCallback((next: Chosen | undefined) => setChosen(next), []);
  const live = useRef(false);

  useEffect(
    () => () => {
      // Leaving the page without going live gives the camera back.
      if (!live.current) studio.close();
    },
    [],
  );
  useEffect(() => {
    if (onAir.phase === "failed") live.current = false;
  }, [onAir.phase]);

  const choose = (next: Kind) => {
    setKind(next);
    setPicked(next === "scene" ? openScene(scenes[0]) : undefined);
    setFailed(undefined);
    if (next !== kind) studio.close();
    if (next === "camera") void studio.showCamera();
    if (next === "screen") void studio.showScreen();
  };
  const pick = async (file: File) => {
    setPicked(undefined);
    setFailed(undefined);
    setReading(true);
    try {
      setPicked(await openPicked(file));
    } catch (thrown) {
      setFailed(words(thrown, "file"));
    } finally {
      setReading(false);
    }
  };

  const captured = kind === "camera" || kind === "screen";
  const ready = captured ? showing(devices) : picked;
  const opening = reading || (captured && devices.opening !== undefined);
  const refused = captured && devices.stream === undefined ? devices.failed : failed;
  const ladder = ready === undefined ? [] : defaultLadder(ready);
  const rungs = ladder.filter((rung) => !left.has(rung.name));
  const wanted = Number(workers);
  const badWorkers = /^[0-8]$/.test(workers) ? undefined : "A whole number from 0 to 8.";
  const deposit = format.parseEther(ether);
  const paying = wanted > 0 && rungs.length > 0;
  const badDeposit =
    paying && deposit === undefined ? "An amount in ETH, such as 0.05." : undefined;
  const long = budget.parseHours(hours);
  const plan =
    paying && long !== undefined && ready !== undefined
      ? { rungs, frameRate: ready.frameRate, hours: long, maxPrice: budget.MAX_PRICE }
      : undefined;
  const can =
    ready !== undefined &&
    badWorkers === undefined &&
    (!paying || (chosen?.wallet !== undefined && deposit !== undefined && hiring !== undefined));

  const go = () => {
    if (!can || ready === undefined) return;
    live.current = true;
    void tab.startBroadcast({
      title:
        title.trim() || (ready.input.kind === "file" ? ready.input.file.name : "Untitled stream"),
      input: ready.input,
      rungs,
      codec,
      wanted: paying ? wanted : 0,
      deposit: deposit ?? Wei.zero,
      ...(paying && chosen?.wallet !== undefined && { wallet: chosen.wallet }),
      ...(paying && hiring !== undefined && { hiring }),
    });
  };

  return (
    <div className="grid gap-5 lg:grid-cols-[3fr_2fr]">
      <div className="order-last space-y-5 lg:order-none">
        {onAir.phase === "failed" && (
          <Notice tone="bad" title="The broadcast did not start">
            {format.sentence(onAir.trouble)} Nothing is on air.
          </Notice>
        )}
        <Panel title="1. What to show">
          <RadioGroup
            aria-label="Source"
            value={kind ?? null}
            onValueChange={(next: Kind | null) => {
              if (next !== null) choose(next);
            }}
            className="grid grid-cols-2 gap-2 sm:grid-cols-4"
          >
            {kinds.map((one) => (
              // biome-ignore lint/a11y/noLabelWithoutControl: Radio.Root holds the input
              <label
                key={one.kind}
                className="relative rounded-lg border border-line p-3 has-data-checked:border-accent has-data-checked:bg-tint has-focus-visible:outline-2 has-focus-visible:outline-accent"
              >
                <Radio.Root
                  value={one.kind}
                  onClick={() => {
                    // Choosing the same one again asks again, for instance after permission was refused.
                    if (one.kind === kind && captured && ready === undefined && !opening)
                      choose(one.kind);
                  }}
                  className="absolute top-3 right-3 flex size-4 items-center justify-center rounded-full border border-edge bg-panel data-checked:border-accent"
                >
                  <Radio.Indicator className="size-2 rounded-full bg-accent" />
                </Radio.Root>
                <span className="block pr-5 text-[0.9375rem] font-medium">{one.name}</span>
                <span className="block text-[0.8125rem] text-muted">{one.help}</span>
              </label>
            ))}
          </RadioGroup>
          {kind === "file" && (
            <div className="mt-4">
              <Field
                label="Video file"
                help="It stays on this device; segments of it are sent as they play."
              >
                {(props) => (
                  <input
                    {...props}
                    type="file"
                    accept="video/*,.mkv,.ts,.mov"
                    onChange={(event) => {
                      const file = event.target.files?.[0];
                      if (file !== undefined) void pick(file);
                    }}
                    className="block w-full rounded-lg border border-edge bg-panel text-sm file:mr-3 file:min-h-11 file:border-0 file:border-r file:border-edge file:bg-sunken file:px-4 file:font-medium file:text-ink"
                  />
                )}
              </Field>
            </div>
          )}
          {ready?.input.kind === "scene" && (
            <div className="mt-4">
              <Field label="Size" help="A smaller one leaves more of this device to others.">
                {(props) => (
                  <select
                    {...props}
                    value={scenes.findIndex(({ height }) => height === ready.height)}
                    onChange={(event) => {
                      setPicked(openScene(scenes[Number(event.target.value)] ?? scenes[0]));
                    }}
                    className={`${inputClass} w-full max-w-48`}
                  >
                    {scenes.map((size, at) => (
                      <option key={size.height} value={at}>
                        {format.pixels(size)}
                      </option>
                    ))}
                  </select>
                )}
              </Field>
            </div>
          )}
          {opening && (
            <p role="status" className="mt-4 flex items-center gap-2 text-sm text-muted">
              <Spinner className="size-4" /> Opening it
            </p>
          )}
          {refused !== undefined && (
            <div className="mt-4">
              <Notice
                tone="bad"
                title={refused.title}
                action={captured && <Button onClick={() => choose(kind)}>Try again</Button>}
              >
                {refused.advice}
              </Notice>
            </div>
          )}
          <div className="mt-5">
            <Field label="Title" help="What people see in the list of streams.">
              {(props) => (
                <input
                  {...props}
                  value={title}
                  maxLength={120}
                  onChange={(event) => setTitle(event.target.value)}
                  placeholder="Untitled stream"
                  className={`${inputClass} w-full`}
                />
              )}
            </Field>
          </div>
        </Panel>

        <Panel title="2. The ladder">
          {ready === undefined ? (
            <p className="text-[0.9375rem] text-muted">
              Choose what to show first: no rung is larger than its source.
            </p>
          ) : ladder.length === 0 ? (
            <p className="text-[0.9375rem] text-muted">
              This source is smaller than every rung, so only the source itself is shown.
            </p>
          ) : (
            <fieldset>
              <legend className="sr-only">Rungs</legend>
              <div className="grid gap-2 sm:grid-cols-2">
                {ladder.map((rung) => (
                  <label
                    key={rung.name}
                    className="flex items-center gap-3 rounded-lg border border-line px-3 py-2.5"
                  >
                    <input
                      type="checkbox"
                      aria-label={rung.name}
                      checked={!left.has(rung.name)}
                      onChange={() => {
                        const next = new Set(left);
                        if (!next.delete(rung.name)) next.add(rung.name);
                        setLeft(next);
                      }}
                      className="size-5 accent-[var(--accent)]"
                    />
                    <span className="text-[0.9375rem]">
                      <span className="font-medium">{rung.name}</span>{" "}
                      <span className="text-muted">{format.rung(rung)}</span>
                    </span>
                  </label>
                ))}
              </div>
            </fieldset>
          )}
          <div className="mt-4 grid gap-4 sm:grid-cols-2">
            <Field label="Codec" help="H.264 plays everywhere and costs least.">
              {(props) => (
                <select
                  {...props}
                  value={codec}
                  onChange={(event) => setCodec(event.target.value as CodecName)}
                  className={`${inputClass} w-full`}
                >
                  <option value="avc">H.264</option>
                  <option value="vp9">VP9</option>
                  <option value="av1">AV1</option>
                </select>
              )}
            </Field>
            <Field
              label="Workers"
              error={badWorkers}
              help={
                wanted === 0
                  ? "This tab encodes everything itself."
                  : "Hired at once; a backup waits beside them."
              }
            >
              {(props) => (
                <input
                  {...props}
                  inputMode="numeric"
                  value={workers}
                  onChange={(event) => setWorkers(event.target.value.trim())}
                  className={`${inputClass} w-full`}
                />
              )}
            </Field>
          </div>
        </Panel>

        {paying && (
          <Panel title="3. The pot">
            {config === undefined ? (
              phase === "failed" ? (
                <Notice tone="bad" title="The network cannot be reached">
                  {format.sentence(trouble)} This page tries again every few seconds.
                </Notice>
              ) : (
                <p role="status" className="flex items-center gap-2 text-muted">
                  <Spinner className="size-4" /> Joining the network
                </p>
              )
            ) : (
              <div className="space-y-5">
                <PayChoice legend="Who pays" chain={config.chain} onChange={choosePay} />
                <Field
                  label="Hours on air"
                  error={
                    long === undefined
                      ? `A number above 0, at most ${budget.MOST_HOURS}, such as 1.5.`
                      : undefined
                  }
                  help={plan && budget.sentence(plan, wanted)}
                >
                  {(props) => (
                    <div className="flex flex-wrap gap-2">
                      <input
                        {...props}
                        inputMode="decimal"
                        value={hours}
                        onChange={(event) => setHours(event.target.value)}
                        className={`${inputClass} w-full max-w-48`}
                      />
                      {plan !== undefined && (
                        <Button onClick={() => setEther(format.ether(budget.atMost(plan)))}>
                          Deposit {format.money(budget.atMost(plan))}
                        </Button>
                      )}
                    </div>
                  )}
                </Field>
                <Field
                  label="Deposit, in ETH"
                  error={badDeposit}
                  help={
                    deposit === undefined || ready === undefined
                      ? "What is not spent comes back at the end."
                      : `Lasts ${lasting(deposit, rungs, ready.frameRate)} at the highest price. One transaction also gives this tab what settling costs. What is not spent comes back at the end.`
                  }
                >
                  {(props) => (
                    <input
                      {...props}
                      inputMode="decimal"
                      value={ether}
                      onChange={(event) => setEther(event.target.value)}
                      className={`${inputClass} w-full max-w-48`}
                    />
                  )}
                </Field>
                <Hiring onChange={setHiring} />
              </div>
            )}
          </Panel>
        )}

        <div className="space-y-2">
          <Button look="main" className="w-full sm:w-auto sm:px-8" disabled={!can} onClick={go}>
            {paying
              ? `Put ${deposit === undefined ? "the deposit" : format.money(deposit)} in this stream's pot and go live`
              : ready === undefined
                ? "Go live"
                : "Go live, encoding in this tab"}
          </Button>
          {!can && (
            <p className="text-sm text-muted">
              {ready === undefined
                ? "Choose what to show first."
                : paying && chosen?.wallet === undefined
                  ? "Choose who pays first."
                  : "Something above needs another look."}
            </p>
          )}
        </div>
      </div>
      <Panel
        title="Preview"
        className={`self-start lg:sticky lg:top-5 lg:block ${ready === undefined && !opening && devices.stream === undefined ? "hidden" : ""}`}
      >
        <Preview
          ready={ready}
          opening={opening}
          captured={captured && devices.stream !== undefined}
        />
      </Panel>
    </div>
  );
}

/** How long a deposit lasts at a gwei per output megapixel, the highest price we accept by default. */
function lasting(deposit: Wei, rungs: readonly Rung[], frameRate: number): string {
  const pixels = rungs.reduce((sum, { width, height }) => sum + width * height, 0) * frameRate;
  if (pixels <= 0) return "as long as you like";
  const hours = Number(deposit) / 1e9 / (pixels / 1e6) / 3600;
  if (hours >= 48) return `about ${format.counted(Math.floor(hours / 24), "day")}`;
  return hours >= 1
    ? `about ${format.counted(Math.floor(hours), "hour")}`
    : `about ${format.counted(Math.max(1, Math.floor(hours * 60)), "minute")}`;
}

function Preview({
  ready,
  opening,
  captured,
}: {
  ready: Ready | undefined;
  opening: boolean;
  captured: boolean;
}) {
  if (captured)
    return (
      <>
        <Picture label="Preview" />
        {ready !== undefined && <p className="mt-2 text-sm text-muted">{ready.about}</p>}
        <div className="mt-4 space-y-3 empty:hidden">
          <Troubles />
        </div>
        <Controls />
      </>
    );
  if (ready === undefined)
    return (
      <p className="flex aspect-video items-center justify-center rounded-lg bg-sunken px-6 text-center text-sm text-muted">
        {opening
          ? "Waiting for the picture"
          : "What you choose is shown here before anybody else sees it."}
      </p>
    );
  return (
    <>
      {ready.input.kind === "file" ? (
        <FilePreview file={ready.input.file} />
      ) : (
        <div className="flex aspect-video flex-col items-center justify-center gap-1 rounded-lg bg-sunken px-6 text-center text-sm text-muted">
          <span className="font-mono text-2xl text-ink">00:00:00:00</span>
          The test scene begins when you go live.
        </div>
      )}
      <p className="mt-2 text-sm text-muted">{ready.about}</p>
    </>
  );
}

function FilePreview({ file }: { file: File }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    const url = URL.createObjectURL(file);
    element.src = url;
    return () => {
      element.removeAttribute("src");
      URL.revokeObjectURL(url);
    };
  }, [file]);
  return (
    <video
      ref={video}
      muted
      autoPlay
      playsInline
      controls
      aria-label="Preview"
      className="aspect-video w-full rounded-lg bg-black object-contain"
    />
  );
}
