import { afterEach, expect, test } from "vitest";
import { MUSIC, SPEECH, storeChoice, storedChoice } from "./devices.ts";
import { studio } from "./studio.ts";

afterEach(() => {
  localStorage.clear();
  studio.close(); // and reads anew what is stored
});

const tracks = () => studio.state.get().stream?.getTracks() ?? [];
const sound = () => tracks().find(({ kind }) => kind === "audio");

test("what is stored is believed only where it makes sense", () => {
  expect(storedChoice()).toEqual({ processing: SPEECH });
  for (const junk of ["", "{", "null", "7", '{"camera":7,"microphone":"","processing":"loud"}']) {
    localStorage.setItem("tabcast-devices", junk);
    expect(storedChoice()).toEqual({ processing: SPEECH });
  }
  storeChoice({ camera: "c", microphone: "m", processing: MUSIC });
  expect(storedChoice()).toEqual({ camera: "c", microphone: "m", processing: MUSIC });
});

test("a camera that was chosen once and is gone gives way to the one that is there", async () => {
  storeChoice({ camera: "gone", microphone: "gone too", processing: MUSIC });
  await studio.showCamera();
  const { failed, opening, picture, camera, devices, mirrored } = studio.state.get();
  expect({ failed, opening, picture, mirrored }).toEqual({
    failed: undefined,
    opening: undefined,
    picture: "live",
    mirrored: true,
  });
  expect(devices.cameras.map(({ deviceId }) => deviceId)).toContain(camera);
  expect(sound()?.getSettings()).toMatchObject(MUSIC);
});

test("another microphone is remembered, and what is done to its sound really changes", async () => {
  await studio.showCamera();
  const picture = tracks().find(({ kind }) => kind === "video");
  const { microphones } = studio.state.get().devices;
  const other = microphones.at(-1)?.deviceId;
  await studio.chooseMicrophone(other);
  expect(studio.state.get().microphone).toBe(other);
  expect(sound()?.getSettings()).toMatchObject(SPEECH);
  expect(storedChoice().microphone).toBe(other);
  await studio.process(MUSIC);
  expect(studio.state.get()).toMatchObject({ microphone: other, processing: MUSIC, sound: "live" });
  expect(sound()?.getSettings()).toMatchObject({ ...MUSIC, deviceId: other });
  expect(tracks()).toHaveLength(2);
  expect(tracks()).toContain(picture);
});

test("a device that cannot be opened leaves what was in use, and is told in words", async () => {
  await studio.showCamera();
  const before = tracks();
  await studio.chooseCamera("nobody has this");
  expect(studio.state.get().failed?.title).toBe("That camera is not there any more");
  expect(tracks()).toEqual(before);
  expect(before.every(({ readyState }) => readyState === "live")).toBe(true);
  studio.chooseSilence();
  expect(studio.state.get()).toMatchObject({ sound: "none", soundFrom: "none" });
});

test("a picture hidden and a sound muted before the start stay so on air; closing gives every device back", async () => {
  await studio.showCamera();
  studio.pause({ picture: true, sound: true });
  const capture = studio.goLive();
  expect(capture.state).toMatchObject({ picture: "paused", sound: "paused" });
  expect(tracks().map(({ enabled }) => enabled)).toEqual([false, false]);
  await studio.showScreen();
  expect(studio.state.get()).toMatchObject({
    show: "screen",
    picture: "paused",
    soundFrom: "microphone",
    onAir: true,
    mirrored: false,
  });
  expect(tracks().map(({ enabled }) => enabled)).toEqual([false, false]);
  const held = tracks();
  studio.close();
  expect(held.every(({ readyState }) => readyState === "ended")).toBe(true);
  expect(studio.state.get()).toMatchObject({ picture: "none", sound: "none", onAir: false });
});

test("an answer that comes after the page was left is given back", async () => {
  const opening = studio.showCamera();
  studio.close();
  await opening;
  expect(studio.state.get().stream).toBeUndefined();
});
