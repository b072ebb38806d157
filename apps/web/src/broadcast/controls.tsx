import { useId } from "react";
import { useStore } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { Field, inputClass, Notice } from "../ui/parts.tsx";
import { MUSIC, type Processing, SPEECH } from "./devices.ts";
import { LevelMeter } from "./level.tsx";
import { type Studio, studio } from "./studio.ts";

/** Device, source and sound controls, the same before and while the stream is on air. */
export function Controls() {
  const now = useStore(studio.state);
  const { stream, show, picture, sound, soundFrom } = now;
  if (stream === undefined) return null;
  const [audio] = stream.getAudioTracks();
  const hidden = picture === "paused";
  const muted = sound === "paused";
  return (
    <div className="mt-4 space-y-4">
      {audio !== undefined && sound !== "lost" && <LevelMeter track={audio} />}
      <div className="grid grid-cols-2 gap-2">
        <Button
          disabled={sound === "none" || sound === "lost"}
          className={pressed(muted)}
          onClick={() => studio.pause({ sound: !muted })}
        >
          {muted ? "Unmute sound" : "Mute sound"}
        </Button>
        <Button
          disabled={picture === "none" || picture === "lost"}
          className={pressed(hidden)}
          onClick={() => studio.pause({ picture: !hidden })}
        >
          {hidden ? "Show picture" : "Hide picture"}
        </Button>
      </div>
      {show === "camera" ? <CameraChoice now={now} /> : null}
      <SoundChoice now={now} />
      {soundFrom === "microphone" && <ProcessingChoice now={now} />}
      <div className="flex flex-wrap gap-2">
        {show === "screen" && (
          <Button onClick={() => void studio.showScreen()}>Share something else</Button>
        )}
        {now.onAir && show === "camera" && (
          <Button onClick={() => void studio.showScreen()}>Switch to a screen</Button>
        )}
        {now.onAir && show === "screen" && (
          <Button onClick={() => void studio.showCamera()}>Switch to the camera</Button>
        )}
      </div>
    </div>
  );
}

const pressed = (on: boolean) => (on ? "border-warn bg-warn-tint text-warn" : "");

function CameraChoice({ now: { devices, camera, opening, picture } }: { now: Studio }) {
  const here = devices.cameras.some(({ deviceId }) => deviceId === camera);
  return (
    <Field label="Camera">
      {(props) => (
        <select
          {...props}
          value={here ? camera : ""}
          disabled={opening !== undefined}
          onChange={(event) => void studio.chooseCamera(event.target.value)}
          className={`${inputClass} w-full`}
        >
          {!here && (
            <option value="" disabled>
              {picture === "lost" ? "Not there any more" : "This device's camera"}
            </option>
          )}
          {devices.cameras.map(({ deviceId, label }, at) => (
            <option key={deviceId} value={deviceId}>
              {label || `Camera ${at + 1}`}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** Values of the sound choice that are no device's id. */
const [SCREEN, NONE, GONE] = ["screen", "none", "gone"];

function SoundChoice({ now }: { now: Studio }) {
  const { devices, microphone, opening, show, soundFrom, sound, screenHasSound } = now;
  const here = devices.microphones.some(({ deviceId }) => deviceId === microphone);
  const value = soundFrom === "microphone" ? (here ? `mic ${microphone}` : GONE) : soundFrom;
  const choose = (next: string) => {
    if (next === SCREEN) studio.chooseScreenSound();
    else if (next === NONE) studio.chooseSilence();
    else void studio.chooseMicrophone(next === "mic" ? undefined : next.slice("mic ".length));
  };
  return (
    <Field
      label="Sound"
      help={
        show === "screen" && !screenHasSound
          ? "What you share brings no sound of its own: in most browsers only a tab does."
          : undefined
      }
    >
      {(props) => (
        <select
          {...props}
          value={value}
          disabled={opening !== undefined}
          onChange={(event) => choose(event.target.value)}
          className={`${inputClass} w-full`}
        >
          {value === GONE && (
            <option value={GONE} disabled>
              {sound === "lost" ? "Not there any more" : "This device's microphone"}
            </option>
          )}
          {screenHasSound && <option value={SCREEN}>Sound of what is shared</option>}
          {devices.microphones.length === 0 && <option value="mic">A microphone</option>}
          {devices.microphones.map(({ deviceId, label }, at) => (
            <option key={deviceId} value={`mic ${deviceId}`}>
              {label || `Microphone ${at + 1}`}
            </option>
          ))}
          <option value={NONE}>No sound</option>
        </select>
      )}
    </Field>
  );
}

const switches: { name: keyof Processing; label: string }[] = [
  { name: "echoCancellation", label: "Remove echo" },
  { name: "noiseSuppression", label: "Suppress noise" },
  { name: "autoGainControl", label: "Even out the volume" },
];

const same = (a: Processing, b: Processing) => switches.every(({ name }) => a[name] === b[name]);

function ProcessingChoice({ now: { processing, opening } }: { now: Studio }) {
  const id = useId();
  const preset = same(processing, SPEECH) ? "speech" : same(processing, MUSIC) ? "music" : "own";
  return (
    <fieldset disabled={opening !== undefined}>
      <legend className="text-[0.9375rem] font-medium">What the microphone hears</legend>
      <div className="mt-1.5 flex flex-wrap gap-x-5 gap-y-1">
        {(["speech", "music"] as const).map((name) => (
          <label key={name} className="flex min-h-11 items-center gap-2 text-[0.9375rem]">
            <input
              type="radio"
              name={id}
              checked={preset === name}
              onChange={() => void studio.process(name === "speech" ? SPEECH : MUSIC)}
              className="size-5 accent-[var(--accent)]"
            />
            {name === "speech" ? "Speech" : "Music, left as it is"}
          </label>
        ))}
      </div>
      <details>
        <summary className="inline-block cursor-pointer rounded text-sm text-accent underline underline-offset-2">
          One by one
        </summary>
        <div className="mt-1">
          {switches.map(({ name, label }) => (
            <label key={name} className="flex min-h-11 items-center gap-2 text-[0.9375rem]">
              <input
                type="checkbox"
                checked={processing[name]}
                onChange={({ target }) =>
                  void studio.process({ ...processing, [name]: target.checked })
                }
                className="size-5 accent-[var(--accent)]"
              />
              {label}
            </label>
          ))}
        </div>
      </details>
    </fieldset>
  );
}

/** What is wrong with picture or sound, what the viewers get, and what can be done. */
export function Troubles() {
  const { show, picture, sound, soundFrom, failed, opening, onAir, skipped } = useStore(
    studio.state,
  );
  const camera = show === "camera";
  const again = camera ? studio.showCamera : studio.showScreen;
  const busy = opening !== undefined;
  return (
    <>
      {picture === "lost" && (
        <Notice
          tone="bad"
          title={camera ? "The camera is gone" : "Sharing has stopped"}
          action={
            <>
              <Button disabled={busy} onClick={() => void again()}>
                {camera ? "Try the camera again" : "Share a screen again"}
              </Button>
              {onAir && (
                <Button
                  disabled={busy}
                  onClick={() => void (camera ? studio.showScreen() : studio.showCamera())}
                >
                  {camera ? "Share a screen instead" : "Show the camera instead"}
                </Button>
              )}
            </>
          }
        >
          {onAir ? "The stream goes on; viewers see a grey card. " : ""}
          {camera
            ? "It was unplugged, or another program took it."
            : "It was ended in the browser, or what was shared was closed."}
        </Notice>
      )}
      {picture === "muted" && (
        <Notice tone="warn" title={camera ? "The camera gives no picture" : "No picture comes"}>
          {camera
            ? "The system has switched it off for now, perhaps by a key or a cover."
            : "What you share cannot be seen at the moment."}{" "}
          {onAir && "Viewers see the last frame until it comes back."}
        </Notice>
      )}
      {sound === "lost" && (
        <Notice
          tone="bad"
          title={soundFrom === "screen" ? "The shared sound has ended" : "The microphone is gone"}
          action={
            soundFrom === "microphone" && (
              <Button disabled={busy} onClick={() => void studio.chooseMicrophone(undefined)}>
                Use another microphone
              </Button>
            )
          }
        >
          {onAir ? "The stream goes on; viewers hear silence." : "Choose another sound, or none."}
        </Notice>
      )}
      {sound === "muted" && (
        <Notice tone="warn" title="The microphone is switched off">
          Somewhere else than on this page: by a key, or in the system's settings.
        </Notice>
      )}
      {failed !== undefined && (
        <Notice tone="bad" title={failed.title}>
          {failed.advice} {onAir && "What was on air before still is."}
        </Notice>
      )}
      {skipped !== undefined && (
        <Notice
          tone="warn"
          title={
            skipped.why === "asleep"
              ? `This computer slept for ${span(skipped.seconds)}`
              : `This device could not keep up: ${span(skipped.seconds)} are missing`
          }
        >
          {skipped.why === "asleep"
            ? "The stream waited and goes on; what happened meanwhile is not in it."
            : "Close other programs, or choose a smaller picture next time."}
        </Notice>
      )}
    </>
  );
}

const span = (seconds: number) =>
  seconds < 90
    ? `${Math.round(seconds)} seconds`
    : seconds < 5_400
      ? `${Math.round(seconds / 60)} minutes`
      : `${Math.round(seconds / 3600)} hours`;
