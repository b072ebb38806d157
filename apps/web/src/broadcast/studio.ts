import {
  type Capture,
  type CaptureState,
  openCapture,
  type PartState,
  partOf,
} from "@tabcast/media";
import { type Cell, cell, type Store } from "../store.ts";
import { type Words, words } from "../words.ts";
import {
  type Choice,
  type Devices,
  listDevices,
  openCamera,
  openCameraAndMicrophone,
  openMicrophone,
  openScreen,
  type Processing,
  storeChoice,
  storedChoice,
} from "./devices.ts";

export type Show = "camera" | "screen";
/** Where the sound comes from. */
export type SoundFrom = "microphone" | "screen" | "none";

/** The camera, screen and microphone of this tab, before and while they are on air. */
export interface Studio {
  /** What is shown, or was asked for; undefined while nothing is. */
  readonly show?: Show;
  /** The tracks in use, for the preview: one stream for as long as the studio is open. */
  readonly stream?: MediaStream;
  /** What is being opened, for instance while the browser asks the person. */
  readonly opening?: "camera" | "microphone" | "screen";
  /** Why the last thing asked for was not opened. What was in use before still is. */
  readonly failed?: Words;
  readonly picture: PartState;
  readonly sound: PartState;
  readonly soundFrom: SoundFrom;
  /** Ids of the devices in use. */
  readonly camera?: string;
  readonly microphone?: string;
  /** True if the screen that is shared can be heard. */
  readonly screenHasSound: boolean;
  readonly processing: Processing;
  readonly devices: Devices;
  readonly mirrored: boolean;
  readonly onAir: boolean;
  readonly skipped?: CaptureState["skipped"];
}

const closed = (): Studio => ({
  picture: "none",
  sound: "none",
  soundFrom: "none",
  screenHasSound: false,
  processing: storedChoice().processing,
  devices: { cameras: [], microphones: [] },
  mirrored: false,
  onAir: false,
});

const state: Cell<Studio> = cell(closed());
let capture: Capture | undefined;
/** The sound of the screen that is shared, kept while a microphone is used in its place. */
let screenSound: MediaStreamTrack | undefined;
const paused = { picture: false, sound: false };
/** Counts what is asked for, so that an answer which comes too late is given back. */
let asked = 0;
let watching = new AbortController();

const change = (next: Partial<Studio>) => state.update((now) => ({ ...now, ...next }));
const stop = (tracks: readonly MediaStreamTrack[]) => {
  for (const track of tracks) track.stop();
};
const isOf = (kind: "video" | "audio") => (track: MediaStreamTrack) => track.kind === kind;

/** Looks at the tracks again and follows them. */
function look(): void {
  const { stream } = state.get();
  const [video] = stream?.getVideoTracks() ?? [];
  const [audio] = stream?.getAudioTracks() ?? [];
  watching.abort();
  watching = new AbortController();
  const { signal } = watching;
  for (const track of stream?.getTracks() ?? [])
    for (const event of ["ended", "mute", "unmute"])
      track.addEventListener(event, tell, { signal });
  const settings = video?.getSettings();
  const { camera: _camera, microphone: _microphone, ...rest } = state.get();
  const { show, soundFrom } = rest;
  state.set({
    ...rest,
    ...(show === "camera" && settings?.deviceId ? { camera: settings.deviceId } : {}),
    ...(soundFrom === "microphone" && audio
      ? { microphone: audio.getSettings().deviceId ?? "" }
      : {}),
    screenHasSound: screenSound?.readyState === "live",
    // A camera that looks away from the person is no mirror.
    mirrored: show === "camera" && settings?.facingMode !== "environment",
  });
  tell();
}

function tell(): void {
  const { stream } = state.get();
  change({
    picture: partOf(stream?.getVideoTracks()[0], paused.picture),
    sound: partOf(stream?.getAudioTracks()[0], paused.sound),
  });
}

/** Puts tracks in place of those in use, on air or not. Null turns the sound off. */
function putOn(
  video: MediaStreamTrack | undefined,
  audio: MediaStreamTrack | null | undefined,
): void {
  if (capture !== undefined) {
    capture.replace({ ...(video && { video }), ...(audio !== undefined && { audio }) });
  } else {
    const stream = state.get().stream ?? new MediaStream();
    const swap = (before: readonly MediaStreamTrack[], after: MediaStreamTrack | null) => {
      for (const track of before) stream.removeTrack(track);
      stop(before);
      if (after !== null) stream.addTrack(after);
    };
    if (video !== undefined) swap(stream.getVideoTracks(), video);
    if (audio !== undefined) swap(stream.getAudioTracks(), audio);
    for (const track of stream.getTracks())
      track.enabled = !(track.kind === "video" ? paused.picture : paused.sound);
    change({ stream });
  }
}

/** Opens something and puts it to use; if it fails, what was in use before still is. */
async function attempt<T>(
  thing: NonNullable<Studio["opening"]>,
  open: () => Promise<T>,
  take: (opened: T) => void,
  giveBack: (opened: T) => void,
): Promise<void> {
  const own = ++asked;
  const { failed: _before, ...rest } = state.get();
  state.set({ ...rest, opening: thing });
  try {
    const opened = await open();
    if (own !== asked) return giveBack(opened);
    take(opened);
    look();
    change({ devices: await listDevices() });
  } catch (thrown) {
    if (own === asked) change({ failed: words(thrown, thing) });
  } finally {
    if (own === asked) {
      const { opening: _done, ...now } = state.get();
      state.set(now);
    }
  }
}

const remember = (next: Partial<Choice>) => storeChoice({ ...storedChoice(), ...next });

/** Shows the camera. What sounded goes on sounding; if nothing did, its microphone does. */
function showCamera(): Promise<void> {
  const quiet = state.get().sound !== "live" || state.get().soundFrom === "screen";
  if (state.get().stream === undefined) change({ show: "camera" });
  return attempt(
    "camera",
    () => openCameraAndMicrophone(storedChoice()),
    (tracks) => {
      const audio = tracks.find(isOf("audio"));
      dropScreenSound();
      const soundFrom = quiet ? (audio ? "microphone" : "none") : state.get().soundFrom;
      if (!quiet && audio !== undefined) audio.stop();
      putOn(tracks.find(isOf("video")), quiet ? (audio ?? null) : undefined);
      change({ show: "camera", soundFrom });
    },
    stop,
  );
}

/** Shows a screen, window or tab. A microphone that is on stays on; else its own sound is heard. */
function showScreen(): Promise<void> {
  const speaking = state.get().soundFrom === "microphone" && state.get().sound !== "lost";
  if (state.get().stream === undefined) change({ show: "screen" });
  return attempt(
    "screen",
    openScreen,
    (tracks) => {
      dropScreenSound();
      screenSound = tracks.find(isOf("audio"));
      // A copy: the original is kept for when it is chosen again.
      putOn(tracks.find(isOf("video")), speaking ? undefined : (screenSound?.clone() ?? null));
      change({
        show: "screen",
        soundFrom: speaking ? "microphone" : screenSound ? "screen" : "none",
      });
    },
    stop,
  );
}

function chooseCamera(id: string): Promise<void> {
  return attempt(
    "camera",
    () => openCamera(id),
    (track) => {
      putOn(track, undefined);
      remember({ camera: id });
    },
    (track) => track.stop(),
  );
}

function chooseMicrophone(id: string | undefined): Promise<void> {
  return attempt(
    "microphone",
    () => openMicrophone(id, state.get().processing),
    (track) => {
      putOn(undefined, track);
      change({ soundFrom: "microphone" });
      if (id !== undefined) remember({ microphone: id });
    },
    (track) => track.stop(),
  );
}

function chooseScreenSound(): void {
  if (screenSound?.readyState !== "live") return;
  putOn(undefined, screenSound.clone());
  change({ soundFrom: "screen" });
  look();
}

function chooseSilence(): void {
  putOn(undefined, null);
  change({ soundFrom: "none" });
  look();
}

/** Changes what is done to the microphone's sound. Browsers settle that when they open it, so it is opened again. */
async function process(processing: Processing): Promise<void> {
  change({ processing });
  remember({ processing });
  const { soundFrom, microphone } = state.get();
  if (soundFrom === "microphone") await chooseMicrophone(microphone || undefined);
}

/** Hides the picture behind a card, or silences the sound; takes it back with false. */
function pause(parts: { readonly picture?: boolean; readonly sound?: boolean }): void {
  Object.assign(paused, parts);
  if (capture !== undefined) capture.pause(parts);
  else putOn(undefined, undefined);
  tell();
}

/** Hands what is shown to a broadcast. Throws MEDIA_NO_VIDEO if it has ended. */
function goLive(): Capture {
  const { stream = new MediaStream(), show = "camera" } = state.get();
  const opened = openCapture(stream, {
    kind: show,
    sound: "always",
    lost: "card",
    onState: ({ skipped }) => {
      tell();
      if (skipped !== undefined) change({ skipped });
    },
  });
  if (paused.picture || paused.sound) opened.pause(paused);
  capture = opened;
  change({ onAir: true });
  return opened;
}

const dropScreenSound = () => {
  screenSound?.stop();
  screenSound = undefined;
};

/** Gives every device back. */
function close(): void {
  asked++;
  watching.abort();
  capture?.close();
  capture = undefined;
  dropScreenSound();
  stop(state.get().stream?.getTracks() ?? []);
  Object.assign(paused, { picture: false, sound: false });
  state.set(closed());
}

navigator.mediaDevices?.addEventListener("devicechange", () => {
  if (state.get().stream !== undefined) void listDevices().then((devices) => change({ devices }));
});

/** The devices of this tab: components follow `state` and call its verbs. */
export const studio = {
  state: state as Store<Studio>,
  showCamera,
  showScreen,
  chooseCamera,
  chooseMicrophone,
  chooseScreenSound,
  chooseSilence,
  process,
  pause,
  goLive,
  close,
};
