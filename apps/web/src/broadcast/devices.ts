/** Cameras and microphones that can be chosen; their names are known once one of them has been allowed. */
export interface Devices {
  readonly cameras: readonly MediaDeviceInfo[];
  readonly microphones: readonly MediaDeviceInfo[];
}

/** What the browser does to a microphone's sound. */
export interface Processing {
  readonly echoCancellation: boolean;
  readonly noiseSuppression: boolean;
  readonly autoGainControl: boolean;
}

/** A voice is helped by all of it; music is harmed by all of it. */
export const SPEECH: Processing = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
};
export const MUSIC: Processing = {
  echoCancellation: false,
  noiseSuppression: false,
  autoGainControl: false,
};

/** What a person chose last time, kept in this browser. */
export interface Choice {
  readonly camera?: string;
  readonly microphone?: string;
  readonly processing: Processing;
}

const KEY = "tabcast-devices";

const isId = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && value.length <= 256;

/** The stored choice; what is missing or makes no sense is left out. */
export function storedChoice(): Choice {
  let stored: { [key: string]: unknown } = {};
  try {
    stored = Object(JSON.parse(localStorage.getItem(KEY) ?? "{}"));
  } catch {
    // Not ours, or cut short: as if nothing was stored.
  }
  const { camera, microphone } = stored;
  const given = Object(stored.processing) as { [key: string]: unknown };
  const on = (name: keyof Processing) => {
    const value = given[name];
    return typeof value === "boolean" ? value : SPEECH[name];
  };
  return {
    ...(isId(camera) ? { camera } : {}),
    ...(isId(microphone) ? { microphone } : {}),
    processing: {
      echoCancellation: on("echoCancellation"),
      noiseSuppression: on("noiseSuppression"),
      autoGainControl: on("autoGainControl"),
    },
  };
}

/** Keeps a choice for the next visit. */
export function storeChoice(choice: Choice): void {
  localStorage.setItem(KEY, JSON.stringify(choice));
}

/** The devices as the browser names them now. */
export async function listDevices(): Promise<Devices> {
  const all = await navigator.mediaDevices.enumerateDevices();
  // Before permission a browser lists one of each kind, without id or name.
  const named = all.filter(({ deviceId }) => deviceId !== "");
  return {
    cameras: named.filter(({ kind }) => kind === "videoinput"),
    microphones: named.filter(({ kind }) => kind === "audioinput"),
  };
}

const picture = (id: string | undefined): MediaTrackConstraints => ({
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30 },
  ...(id === undefined ? {} : { deviceId: { exact: id } }),
});

const sound = (id: string | undefined, processing: Processing): MediaTrackConstraints => ({
  ...processing,
  ...(id === undefined ? {} : { deviceId: { exact: id } }),
});

/** A device that was asked for by its id is not there any more. */
const isGone = (error: unknown) =>
  error instanceof DOMException &&
  (error.name === "OverconstrainedError" || error.name === "NotFoundError");

const only = (tracks: readonly MediaStreamTrack[], what: string): MediaStreamTrack => {
  const [track] = tracks;
  if (track === undefined) throw new DOMException(`no ${what} track`, "NotFoundError");
  return track;
};

/** Opens a camera: the one with that id. Rejects as getUserMedia does. */
export async function openCamera(id: string): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: picture(id) });
  return only(stream.getVideoTracks(), "video");
}

/** Opens a microphone: the one with that id, or the system's own. Rejects as getUserMedia does. */
export async function openMicrophone(
  id: string | undefined,
  processing: Processing,
): Promise<MediaStreamTrack> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: sound(id, processing) });
  return only(stream.getAudioTracks(), "audio");
}

/**
 * Opens a camera with its microphone, in one question to the person: those chosen last time, or the system's own if they
 * are gone. Without a microphone the camera alone. Rejects as getUserMedia does.
 */
export async function openCameraAndMicrophone({
  camera,
  microphone,
  processing,
}: Choice): Promise<MediaStreamTrack[]> {
  const ask = async (constraints: MediaStreamConstraints) =>
    (await navigator.mediaDevices.getUserMedia(constraints)).getTracks();
  try {
    return await ask({ video: picture(camera), audio: sound(microphone, processing) });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  try {
    return await ask({ video: picture(undefined), audio: sound(undefined, processing) });
  } catch (error) {
    // Either of the two may be what is missing; if it is the camera, this says so.
    if (isGone(error)) return ask({ video: picture(undefined) });
    throw error;
  }
}

/** Lets the person choose a screen, a window or a tab, with its sound where the browser can. Rejects as getDisplayMedia does. */
export async function openScreen(): Promise<MediaStreamTrack[]> {
  const options: DisplayMediaStreamOptions & Record<string, unknown> = {
    video: { frameRate: { ideal: 30 }, width: { max: 1920 }, height: { max: 1080 } },
    // The sound of a film or a game, not of a voice.
    audio: { ...MUSIC },
    systemAudio: "include",
    surfaceSwitching: "include",
    selfBrowserSurface: "exclude",
  };
  const stream = await navigator.mediaDevices.getDisplayMedia(options);
  const track = only(stream.getVideoTracks(), "video");
  track.contentHint = "detail"; // small print stays sharp, at the price of smoothness
  return stream.getTracks();
}
