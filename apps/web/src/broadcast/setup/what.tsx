import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import { useCallback, useState } from "react";
import * as format from "../../format.ts";
import { useStore } from "../../store.ts";
import type { Input } from "../../tab.ts";
import { Button } from "../../ui/button.tsx";
import { givesFrames, NoFrames, NoH264 } from "../../ui/missing.tsx";
import { Field, inputClass, Notice, Spinner } from "../../ui/parts.tsx";
import { type Words, words } from "../../words.ts";
import { studio } from "../studio.ts";
import { openPicked, openScene, type Ready, scenes, showing } from "./ready.ts";

type Kind = Input["kind"];

const kinds: { kind: Kind; name: string; help: string }[] = [
  { kind: "camera", name: "Camera", help: "With its microphone" },
  { kind: "screen", name: "Screen", help: "A screen, window or tab" },
  { kind: "file", name: "File", help: "MP4, MOV, WebM, MKV, TS" },
  { kind: "scene", name: "Test scene", help: "A timecode and a tone" },
];

/** What was chosen to be shown, and how far opening it has come. */
export interface Choice {
  readonly kind: Kind | undefined;
  readonly ready: Ready | undefined;
  /** A camera or a screen, whether its picture is there or not; and whether it is. */
  readonly captured: boolean;
  readonly pictured: boolean;
  readonly opening: boolean;
  readonly refused: Words | undefined;
  choose(kind: Kind): void;
  pick(file: File): Promise<void>;
  resize(size: (typeof scenes)[number]): void;
}

/** Opens what is chosen. A camera or screen stays with the studio. */
export function useChoice(): Choice {
  const devices = useStore(studio.state);
  const [kind, setKind] = useState<Kind>();
  /** The file or scene that was chosen. */
  const [picked, setPicked] = useState<Ready>();
  const [reading, setReading] = useState(false);
  const [failed, setFailed] = useState<Words>();
  const captured = kind === "camera" || kind === "screen";
  const pick = useCallback(async (file: File) => {
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
  }, []);
  return {
    kind,
    ready: captured ? showing(devices) : picked,
    captured,
    pictured: devices.stream !== undefined,
    opening: reading || (captured && devices.opening !== undefined),
    refused: captured && devices.stream === undefined ? devices.failed : failed,
    choose(next) {
      setKind(next);
      setPicked(next === "scene" ? openScene(scenes[0]) : undefined);
      setFailed(undefined);
      if (next !== kind) studio.close();
      // A device that nothing could be made of is not asked for.
      if (!givesFrames()) return;
      if (next === "camera") void studio.showCamera();
      if (next === "screen") void studio.showScreen();
    },
    pick,
    resize: (size) => setPicked(openScene(size)),
  };
}

/** Chooses a camera, a screen, a file or the scene. */
export function What({ choice, noEncoder }: { choice: Choice; noEncoder: boolean }) {
  const { kind, ready, captured, opening, refused, choose } = choice;
  return (
    <>
      <Kinds choice={choice} />
      {kind === "file" && <FileField pick={choice.pick} />}
      {ready?.input.kind === "scene" && <SceneSize height={ready.height} resize={choice.resize} />}
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
            action={
              captured &&
              kind !== undefined && <Button onClick={() => choose(kind)}>Try again</Button>
            }
          >
            {refused.advice}
          </Notice>
        </div>
      )}
      {captured && !givesFrames() && (
        <div className="mt-4">
          <NoFrames />
        </div>
      )}
      {noEncoder && (
        <div className="mt-4">
          <NoH264 verb="go live" />
        </div>
      )}
    </>
  );
}

function Kinds({ choice: { kind, ready, captured, opening, choose } }: { choice: Choice }) {
  return (
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
  );
}

function FileField({ pick }: Pick<Choice, "pick">) {
  return (
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
  );
}

function SceneSize({ height, resize }: { height: number } & Pick<Choice, "resize">) {
  return (
    <div className="mt-4">
      <Field label="Size" help="A smaller one leaves more of this device to others.">
        {(props) => (
          <select
            {...props}
            value={scenes.findIndex((size) => size.height === height)}
            onChange={(event) => {
              resize(scenes[Number(event.target.value)] ?? scenes[0]);
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
  );
}
