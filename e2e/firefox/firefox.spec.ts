import type { Localnet, NetBroadcast } from "@tabcast/localnet";
import { expect, missing, openFirefox, path, type Tab, test } from "./stage.ts";

test.skip(path === undefined, `no Firefox: ${missing}`);

const NO_H264 = "this Firefox has no H.264: on Linux it is in libavcodec, which is not installed";

/** Small enough that two cores draw, encode, transcode, check and play it. */
const SCENE = { size: { width: 640, height: 360 }, ladder: "240p", wanted: 1 } as const;
/** Media seconds that a picture must advance by, to be called playing: more than one segment. */
const ADVANCES = 3;

/** Goes on air from a headless Chromium, which tells `dropped` why it parts with a worker. */
const onAir = (net: Localnet, dropped = (_why: string) => {}): Promise<NetBroadcast> =>
  net.broadcast({
    ...SCENE,
    title: "Seen in Firefox",
    on: (event) => void (event.type === "dropped" && dropped(event.why)),
  });

/** Ends the broadcast and waits for its settlement. */
async function ends(live: NetBroadcast) {
  await live.stop();
  return live.finished;
}

/** Resolves when the picture has advanced by `ADVANCES` at this height, frame by frame. */
async function plays({ page }: Tab, height?: number): Promise<void> {
  await page.waitForFunction(
    (height, advances) => {
      const video = document.querySelector("video");
      if (video === null || (height !== undefined && video.videoHeight !== height)) return false;
      const frames = video.getVideoPlaybackQuality().totalVideoFrames;
      const since = (globalThis as { since?: { at: number; frames: number } }).since;
      if (since === undefined) {
        Object.assign(globalThis, { since: { at: video.currentTime, frames } });
        return false;
      }
      const moved = video.currentTime - since.at;
      // At least ten frames a second of those that the scene has.
      return moved > advances && frames - since.frames > 10 * advances;
    },
    { timeout: 40_000, polling: 100 },
    height,
    ADVANCES,
  );
}

test("Earn measures itself, is hired, passes the checks and is paid while the question about storage stays open", async ({
  shared: { net, firefox, h264 },
}) => {
  test.skip(!h264, NO_H264);
  const earn = await firefox.open("/earn", () => {
    // The page is alone in its browsing context, so this runs in an empty one before it too, which has no storage.
    if (typeof StorageManager === "undefined") return;
    // The browser puts its question, and whatever becomes of that, the page hears no answer.
    const ask = StorageManager.prototype.persist;
    StorageManager.prototype.persist = function () {
      Object.assign(globalThis, { asked: true });
      void ask.call(this);
      return new Promise(() => {});
    };
  });
  await earn.reads("Play money address", /^0x/);
  expect(await earn.page.evaluate(() => "asked" in globalThis)).toBe(true);
  await earn.press("Start earning");
  await earn.reads("Worker state", /Waiting for offers/);
  const [, speed = ""] = /([\d.]+) Mpixel\/s/.exec(await earn.text()) ?? [];
  expect(Number(speed)).toBeGreaterThan(0);
  console.log(`${firefox.version} measured ${speed} Mpixel/s`);

  const drops: string[] = [];
  const live = await onAir(net, (why) => drops.push(why));
  await earn.reads("Worker state", /Working on segment/);
  // Enough that pictures are looked at: a worker that failed would be dropped before.
  await earn.reads("Segments delivered", /^([6-9]|\d\d)/);
  await earn.shoot("earn");
  const { workers, work } = await ends(live);
  expect(work.checks.checked, "segments whose pictures were looked at").toBeGreaterThan(0);
  expect(workers).toHaveLength(1);
  expect(BigInt(workers[0]?.earned ?? 0), "wei paid").toBeGreaterThan(0n);
  // A busy machine may make it late; what it makes must be right.
  expect(drops.filter((why) => why === "invalid")).toEqual([]);
  await earn.press("Stop earning");
  await earn.shows("Last time");
  await earn.page.close();
});

test("Watch plays a stream, its sound and the rung that a worker made", async ({
  shared: { net, firefox, h264 },
}) => {
  test.skip(!h264, NO_H264);
  const worker = await net.addWorker();
  const live = await onAir(net);
  const began = performance.now();
  const watch = await firefox.open(`/watch/${live.stream}`);
  await watch.page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0, {
    timeout: 40_000,
    polling: 50,
  });
  const first = performance.now() - began;
  console.log(`first picture ${(first / 1000).toFixed(1)} s after the page was opened`);
  await plays(watch);
  await watch.select(/^240p/);
  await watch.page.evaluate(() => Object.assign(globalThis, { since: undefined }));
  await plays(watch, 240);
  await watch.press("Turn sound on");
  const sound = await watch.page.evaluate(() => {
    const video = document.querySelector<HTMLVideoElement & { mozHasAudio?: boolean }>("video");
    return { muted: video?.muted, there: video?.mozHasAudio };
  });
  expect(sound).toEqual({ muted: false, there: true });
  // Without sound that decodes, a picture with sound stands still.
  await watch.page.evaluate(() => Object.assign(globalThis, { since: undefined }));
  await plays(watch);
  await watch.shoot("watch");
  expect(await watch.text()).toContain("Every byte checked against the signed entries");
  await watch.page.close();
  await ends(live);
  await worker.close();
});

test("Broadcast sends the drawn scene, hires a worker and checks its pictures", async ({
  shared: { net, firefox, h264 },
}) => {
  test.skip(!h264, NO_H264);
  const worker = await net.addWorker();
  const studio = await firefox.open("/broadcast");
  await studio.choose("Camera");
  await studio.shows("This browser cannot send a camera or a screen");
  await studio.choose("Test scene");
  await studio.select(/^640 x 360/);
  await studio.reads("Play money address", /^0x/);
  await studio.press(/^Put .* in this stream's pot and go live$/);
  await studio.reads("Broadcast state", /On air/);
  await studio.reads("Segments verified", /^([3-9]|\d\d)/);
  await studio.shoot("broadcast");
  // Notes are what a check that could not be made, or a worker that was dropped, would leave.
  expect(await studio.text()).not.toContain("a check was not made");
  const link = await studio.page.evaluate(
    () =>
      [...document.querySelectorAll("input")].find(({ value }) => /\/watch\//.test(value))?.value,
  );
  const watch = await firefox.open(new URL(link ?? "").pathname);
  await plays(watch);
  await watch.page.close();
  await studio.press("End stream");
  await studio.shows("Settling with the workers");
  await studio.page.close();
  await worker.close();
});

test("a Firefox without H.264 says so on every page, and puts no money in", async ({
  shared: { net, complaints },
}) => {
  // As on a Linux without libavcodec.
  const bare = await openFirefox(net.origin, (text) => complaints.push(text), {
    "media.ffmpeg.enabled": false,
  });
  try {
    const earn = await bare.open("/earn");
    await earn.shows("This tab cannot earn: its browser does not encode H.264");
    const studio = await bare.open("/broadcast");
    await studio.choose("Test scene");
    await studio.shows("This tab cannot go live: its browser does not encode H.264");
    const live = await onAir(net);
    const watch = await bare.open(`/watch/${live.stream}`);
    await watch.shows("This browser has no decoder for any rung of this stream");
    await watch.shoot("no-h264");
    await ends(live);
  } finally {
    await bare.close();
  }
});
