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
import { useCallback, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import * as format from "../format.ts";
import type { OnAir, SegmentRow } from "../on-air.ts";
import { useStore } from "../store.ts";
import { type Input, tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import {
  Badge,
  Copy,
  Field,
  Heading,
  inputClass,
  Money,
  Notice,
  Panel,
  Scroller,
  Spinner,
  Stat,
  Stats,
} from "../ui/parts.tsx";
import { type Chosen, PayChoice } from "../ui/pay-choice.tsx";
import { type Words, words } from "../words.ts";

/** The page's own copy of what is going out, kept while the broadcast outlives a visit to another page. */
let preview: MediaStream | undefined;

/** Goes live from a camera, a screen, a file or the test scene. */
export default function BroadcastPage() {
  const onAir = useStore(tab.onAir);
  return (
    <>
      {onAir.phase === "idle" || (onAir.phase === "failed" && onAir.stream === undefined) ? (
        <>
          <Heading title="Broadcast">
            Your stream leaves this tab once. Workers turn it into every rung, and are paid for what
            you verify.
          </Heading>
          <Setup onAir={onAir} />
        </>
      ) : (
        <Live onAir={onAir} />
      )}
    </>
  );
}

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

async function openKind(kind: Exclude<Kind, "file">): Promise<Ready> {
  if (kind === "scene") return openScene(scenes[0]);
  const stream =
    kind === "camera"
      ? await navigator.mediaDevices.getUserMedia({
          video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
          audio: true,
        })
      : await navigator.mediaDevices.getDisplayMedia({
          video: { frameRate: { ideal: 30 } },
          audio: true,
        });
  const [track] = stream.getVideoTracks();
  if (track === undefined) throw new DOMException("no video track", "NotFoundError");
  if (kind === "screen") track.contentHint = "detail";
  const { width = 1280, height = 720, frameRate = 30 } = track.getSettings();
  return {
    input: { kind, stream },
    width,
    height,
    frameRate,
    about: `${format.pixels({ width, height })} at ${Math.round(frameRate)} frames/s${stream.getAudioTracks().length > 0 ? ", with sound" : ", no sound"}.`,
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

const stopTracks = (ready: Ready | undefined) => {
  if (ready !== undefined && "stream" in ready.input)
    for (const track of ready.input.stream.getTracks()) track.stop();
};

function Setup({ onAir }: { onAir: OnAir }) {
  const { config, phase, trouble } = useStore(tab.state);
  const [kind, setKind] = useState<Kind>();
  const [ready, setReady] = useState<Ready>();
  const [opening, setOpening] = useState(false);
  const [failed, setFailed] = useState<Words>();
  const [title, setTitle] = useState("");
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [codec, setCodec] = useState<CodecName>("avc");
  const [workers, setWorkers] = useState("2");
  const [ether, setEther] = useState("0.05");
  const [chosen, setChosen] = useState<Chosen>();
  const choose = useCallback((next: Chosen | undefined) => setChosen(next), []);
  const latest = useRef<Ready>(undefined);
  const live = useRef(false);

  useEffect(
    () => () => {
      // Leaving the page without going live gives the camera back.
      if (!live.current) stopTracks(latest.current);
    },
    [],
  );

  const take = async (next: Kind, open: () => Promise<Ready>) => {
    stopTracks(latest.current);
    latest.current = undefined;
    setKind(next);
    setReady(undefined);
    setFailed(undefined);
    setOpening(true);
    try {
      const opened = await open();
      latest.current = opened;
      setReady(opened);
    } catch (thrown) {
      setFailed(words(thrown, next === "scene" ? "test scene" : next));
    } finally {
      setOpening(false);
    }
  };

  const ladder = ready === undefined ? [] : defaultLadder(ready);
  const rungs = ladder.filter((rung) => !left.has(rung.name));
  const wanted = Number(workers);
  const badWorkers = /^[0-8]$/.test(workers) ? undefined : "A whole number from 0 to 8.";
  const deposit = format.parseEther(ether);
  const paying = wanted > 0 && rungs.length > 0;
  const badDeposit =
    paying && deposit === undefined ? "An amount in ETH, such as 0.05." : undefined;
  const can =
    ready !== undefined &&
    badWorkers === undefined &&
    (!paying || (chosen?.wallet !== undefined && deposit !== undefined));

  const go = () => {
    if (!can || ready === undefined) return;
    live.current = true;
    preview = "stream" in ready.input ? ready.input.stream : undefined;
    void tab.startBroadcast({
      title:
        title.trim() || (ready.input.kind === "file" ? ready.input.file.name : "Untitled stream"),
      input: ready.input,
      rungs,
      codec,
      wanted: paying ? wanted : 0,
      deposit: deposit ?? Wei.zero,
      ...(paying && chosen?.wallet !== undefined && { wallet: chosen.wallet }),
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
              if (next === null) return;
              if (next === "file") setKind("file");
              else void take(next, () => openKind(next));
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
                    if (one.kind === kind && one.kind !== "file" && ready === undefined && !opening)
                      void take(one.kind, () => openKind(one.kind as Exclude<Kind, "file">));
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
                      if (file !== undefined) void take("file", () => openPicked(file));
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
                      const size = scenes[Number(event.target.value)] ?? scenes[0];
                      void take("scene", async () => openScene(size));
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
          {failed !== undefined && (
            <div className="mt-4">
              <Notice
                tone="bad"
                title={failed.title}
                action={
                  kind !== undefined &&
                  kind !== "file" && (
                    <Button onClick={() => void take(kind, () => openKind(kind))}>Try again</Button>
                  )
                }
              >
                {failed.advice}
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
                <PayChoice legend="Who pays" chain={config.chain} onChange={choose} />
                <Field
                  label="Deposit, in ETH"
                  error={badDeposit}
                  help={
                    deposit === undefined || ready === undefined
                      ? "What is not spent comes back at the end."
                      : `Lasts ${lasting(deposit, rungs, ready.frameRate)} at the highest price. What is not spent comes back at the end.`
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
        className={`self-start lg:sticky lg:top-5 lg:block ${ready === undefined && !opening ? "hidden" : ""}`}
      >
        <Preview ready={ready} opening={opening} />
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

function Preview({ ready, opening }: { ready: Ready | undefined; opening: boolean }) {
  const video = useRef<HTMLVideoElement>(null);
  const input = ready?.input;
  useEffect(() => {
    const element = video.current;
    if (element === null || input === undefined || input.kind === "scene") return;
    if (input.kind === "file") {
      const url = URL.createObjectURL(input.file);
      element.src = url;
      return () => {
        element.removeAttribute("src");
        URL.revokeObjectURL(url);
      };
    }
    element.srcObject = input.stream;
    return () => {
      element.srcObject = null;
    };
  }, [input]);
  if (ready === undefined || input === undefined)
    return (
      <div className="flex aspect-video items-center justify-center rounded-lg bg-sunken px-6 text-center text-sm text-muted">
        {opening
          ? "Waiting for the picture"
          : "What you choose is shown here before anybody else sees it."}
      </div>
    );
  return (
    <>
      {input.kind === "scene" ? (
        <div className="flex aspect-video flex-col items-center justify-center gap-1 rounded-lg bg-sunken px-6 text-center text-sm text-muted">
          <span className="font-mono text-2xl text-ink">00:00:00:00</span>
          The test scene begins when you go live.
        </div>
      ) : (
        <video
          ref={video}
          muted
          autoPlay
          playsInline
          controls={input.kind === "file"}
          aria-label="Preview"
          className="aspect-video w-full rounded-lg bg-black object-contain"
        />
      )}
      <p className="mt-2 text-sm text-muted">{ready.about}</p>
    </>
  );
}

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

function Live({ onAir }: { onAir: OnAir }) {
  const { phase } = onAir;
  const over = phase === "ended" || phase === "failed";
  return (
    <div className="space-y-5">
      <div className="flex flex-wrap items-start justify-between gap-4">
        <div className="min-w-0">
          <div className="flex flex-wrap items-center gap-3">
            <h1 className="text-2xl font-semibold tracking-tight [overflow-wrap:anywhere] sm:text-3xl">
              {onAir.title}
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
              preview = undefined;
              tab.clearBroadcast();
            }}
          >
            Start another broadcast
          </Button>
        )}
      </div>

      {phase === "failed" && (
        <Notice tone="bad" title="The broadcast failed">
          {format.sentence(onAir.trouble)} Workers can still claim what they are owed, and what is
          left of the pot stays yours.
        </Notice>
      )}
      {onAir.warnings.map((message) => (
        <Notice key={message} tone="warn">
          {message}
        </Notice>
      ))}
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
        <div className="space-y-5">
          {onAir.stream !== undefined && phase === "live" && (
            <Panel title="Share">
              <Copy label="Watch link" text={`${location.origin}/watch/${onAir.stream}`} />
              <Link
                href={`/watch/${onAir.stream}`}
                target="_blank"
                className="rounded text-sm text-accent underline underline-offset-2"
              >
                Open it in a new tab
              </Link>
            </Panel>
          )}
          {onAir.deposited > 0n && (
            <Panel title="Pot">
              <div className="grid grid-cols-2 gap-4">
                <Money label="Deposited" wei={onAir.deposited} />
                <Money label="Paid by voucher" wei={onAir.paid} />
                <Money label="Left" wei={onAir.deposited - onAir.paid} />
              </div>
            </Panel>
          )}
          <Crew onAir={onAir} />
          {preview !== undefined && phase === "live" && <OwnPicture stream={preview} />}
        </div>
      </div>
    </div>
  );
}

function OwnPicture({ stream }: { stream: MediaStream }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current !== null) video.current.srcObject = stream;
  }, [stream]);
  return (
    <Panel title="Your picture">
      <video
        ref={video}
        muted
        autoPlay
        playsInline
        aria-label="Your picture"
        className="aspect-video w-full rounded-lg bg-black object-contain"
      />
    </Panel>
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
        : onAir.settling?.step === "waiting"
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
            <Money label="Deposited on chain" wei={settlement.depositedWei} />
            <Money label="Paid on chain" wei={settlement.paidWei} />
            <Money label="Refunded" wei={settlement.refundedWei} />
          </div>
          <p className="mt-3 text-sm text-muted">
            <output aria-label="Settlement">
              {settlement.depositedWei === settlement.paidWei + settlement.refundedWei
                ? "Deposited is paid plus refunded, to the wei."
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
              <Money label={`Earned by ${format.shortId(one.peer)}`} wei={BigInt(one.earnedWei)} />
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

function Segments({ rows }: { rows: readonly SegmentRow[] }) {
  if (rows.length === 0)
    return (
      <p className="py-6 text-center text-[0.9375rem] text-muted">
        The first segment closes after about two seconds.
      </p>
    );
  return (
    <Scroller label="Segment table" className="max-h-[32rem]">
      <table className="w-full text-left text-sm whitespace-nowrap">
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            <th className="py-2 pr-3 font-medium">No.</th>
            <th className="py-2 pr-3 font-medium">Worker</th>
            <th className="py-2 pr-3 font-medium">Rungs</th>
            <th className="py-2 pr-6 text-right font-medium">Time</th>
            <th className="py-2 pr-3 font-medium">Verified</th>
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
  const made = row.lines.filter((line) => line.worker !== undefined);
  const workers = [...new Set(made.map((line) => line.worker as string))];
  const paid = row.lines.reduce((sum, line) => sum + BigInt(line.paidWei), 0n);
  const slowest = Math.max(0, ...made.map((line) => line.roundTripMs));
  // Who had it before the one whose work is shown; nobody, while it is still under way.
  const took = row.sentTo.findIndex((one) => workers.includes(one));
  const sentBefore = took < 0 ? row.sentTo : row.sentTo.slice(0, took);
  const before = workers.length > 0 ? [...new Set(sentBefore)] : [];
  return (
    <tr className="border-t border-line">
      <td className="py-2 pr-3">{row.seq}</td>
      <td className="py-2 pr-3 font-mono">
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
      <td className="py-2 pr-3">
        {row.closed ? made.map((line) => line.rung).join(", ") || "–" : "on its way"}
        {row.gaps.length > 0 && (
          <span className="ml-2 text-bad">missing: {row.gaps.join(", ")}</span>
        )}
      </td>
      <td className="py-2 pr-6 text-right">
        {row.closed && made.length > 0 ? format.millis(slowest) : "–"}
      </td>
      <td className="py-2 pr-3">
        {!row.closed
          ? "–"
          : `${row.lines.filter((line) => line.verified).length} of ${row.lines.length}`}
      </td>
      <td className="py-2 text-right">{paid > 0n ? format.money(paid) : "–"}</td>
    </tr>
  );
}
