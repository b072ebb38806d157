import type { Page } from "@playwright/test";
import { figure, now, seen, type Watcher, watch } from "../cast.ts";
import { expect, type Stage, test } from "../stage.ts";

test.describe.configure({ mode: "serial" });

/** The title of the tab that a screen share finds, as the browser of these tests is told. */
const SHARED = "Shared thing";
/** The card that stands for a hidden or lost picture: its ground, red, green and blue. */
const CARD = [0x1c, 0x22, 0x26];
/** What the tab that is shared shows. */
const PAPER = [200, 60, 60];

/** Chromium's fake cameras: a plain one, a depth camera that gives shades of grey, one that gives JPEG. */
const cameraNames = ["fake_device_0", "fake_device_1", "fake_device_2"];

let page: Page;
let viewer: Watcher;

/** The colour of a spot of the viewer's picture, in fractions of its sides, and its size in pixels. */
const spot = ({ video }: Watcher, x: number, y: number) =>
  video.evaluate(
    (one: HTMLVideoElement, [x, y]) => {
      const canvas = new OffscreenCanvas(1, 1);
      const context = canvas.getContext("2d");
      const { videoWidth: width, videoHeight: height } = one;
      context?.drawImage(one, Math.floor(x * width), Math.floor(y * height), 1, 1, 0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0] = context?.getImageData(0, 0, 1, 1).data ?? [];
      return { colour: [red, green, blue], size: `${width} x ${height}` };
    },
    [x, y] as const,
  );

/** Waits until the viewer sees a colour at a spot left of the middle. */
async function shows(colour: readonly number[]): Promise<void> {
  await expect(async () => {
    const seen = (await spot(viewer, 0.3, 0.15)).colour;
    for (const [i, value] of colour.entries())
      expect(Math.abs(value - (seen[i] as number)), `${seen} for ${colour}`).toBeLessThan(16);
  }).toPass({ timeout: 30_000 });
}

/** The fake camera shows green, which moves between two shades. */
const showsCamera = () =>
  expect
    .poll(async () => {
      const [red = 0, green = 0, blue = 0] = (await spot(viewer, 0.3, 0.15)).colour;
      return green - Math.max(red, blue);
    })
    .toBeGreaterThan(60);

/** The depth camera's spot: no colour. */
const showsGrey = () =>
  expect
    .poll(async () => {
      const { colour } = await spot(viewer, 0.3, 0.15);
      return Math.max(...colour) - Math.min(...colour);
    })
    .toBeLessThan(12);

/** Opens the tab that the page can share. */
async function openShared(stage: Stage): Promise<Page> {
  const shared = await page.context().newPage();
  await shared.goto(`${stage.net.origin}/tabcast.json`);
  await shared.evaluate(
    ([title, colour]) => {
      document.title = title;
      document.body.innerHTML = "";
      document.documentElement.style.background = colour;
      // A tab in which nothing changes sends no frames.
      const mark = document.body.appendChild(document.createElement("p"));
      setInterval(() => {
        mark.textContent = String(performance.now());
      }, 50);
    },
    [SHARED, `rgb(${PAPER.join(" ")})`] as const,
  );
  await page.bringToFront();
  return shared;
}

test("a camera is chosen from a list, goes on air, and a viewer sees it", async ({ stage }) => {
  page = await stage.open("streamer");
  await page.context().grantPermissions(["camera", "microphone"]);
  await page.goto("/broadcast");
  await page.getByRole("radio", { name: "Camera" }).click();
  const cameras = page.getByLabel("Camera", { exact: true });
  await expect(cameras.getByRole("option")).toHaveText(cameraNames);
  await expect(page.getByLabel("Sound", { exact: true }).getByRole("option")).toContainText([
    "Fake Default Audio Input",
    "No sound",
  ]);
  await stage.shoot(page, "broadcast-camera");
  await page.getByLabel("Title").fill("Camera and screen");
  const ladder = page.getByRole("group", { name: "Rungs" }).getByRole("checkbox");
  for (const rung of await ladder.all()) await rung.setChecked(false);
  await page.getByRole("button", { name: "Go live" }).click();
  await expect(figure(page, "Broadcast state")).toHaveText("On air", { timeout: 60_000 });
  const link = await page.getByLabel("Watch link", { exact: true }).inputValue();
  viewer = await watch(stage, link);
  await showsCamera();
});

test("another camera, a muted microphone and a hidden picture change what is sent, not the stream", async ({
  stage,
}) => {
  const since = await now(viewer);
  const { size } = await spot(viewer, 0, 0);
  await page.getByLabel("Camera", { exact: true }).selectOption("fake_device_1");
  await showsGrey();
  await page.getByLabel("Camera", { exact: true }).selectOption("fake_device_2");
  await showsCamera();
  await page.getByLabel("Sound", { exact: true }).selectOption("Fake Audio Input 2");
  await page.getByRole("radio", { name: "Music, left as it is" }).click();
  await expect(page.getByRole("radio", { name: "Music, left as it is" })).toBeChecked();
  await page.getByRole("button", { name: "Mute sound" }).click();
  await page.getByRole("button", { name: "Hide picture" }).click();
  await shows(CARD);
  await stage.shoot(page, "broadcast-hidden");
  await page.getByRole("button", { name: "Show picture" }).click();
  await page.getByRole("button", { name: "Unmute sound" }).click();
  await showsCamera();
  await unbroken(since, size);
});

test("a share goes on in place of the camera; when it ends the page says so and the camera takes over", async ({
  stage,
}) => {
  const since = await now(viewer);
  const { size } = await spot(viewer, 0, 0);
  const shared = await openShared(stage);
  await page.getByRole("button", { name: "Switch to a screen" }).click();
  await shows(PAPER);
  await expect(page.getByLabel("Sound", { exact: true })).toContainText("Sound of what is shared");
  await shared.close();
  const alert = page.getByRole("alert").filter({ hasText: "Sharing has stopped" });
  await expect(alert).toContainText("viewers see a grey card");
  await expect(page).toHaveTitle(/^No picture/);
  await shows(CARD);
  await stage.shoot(page, "broadcast-share-ended");
  await alert.getByRole("button", { name: "Show the camera instead" }).click();
  await expect(alert).toHaveCount(0);
  await showsCamera();
  await unbroken(since, size);
  await page.getByRole("button", { name: "End stream" }).click();
  await expect(figure(page, "Broadcast state")).toHaveText("The stream has ended", {
    timeout: 60_000,
  });
  await page.close();
  await viewer.page.close();
});

/** The viewer saw one stream since then: one size, always forward, never longer still than a segment. */
async function unbroken(since: number, size: string): Promise<void> {
  const { frames, stillMs, jumpS, backwards } = await seen(viewer, since);
  console.log(
    `longest still ${stillMs} ms over ${frames} frames, largest step ${jumpS.toFixed(2)} s`,
  );
  expect((await spot(viewer, 0, 0)).size).toBe(size);
  expect(frames).toBeGreaterThan(20);
  expect(backwards).toBe(0);
  // A segment that is not there is two seconds of step.
  expect(jumpS).toBeLessThan(1);
  expect(stillMs).toBeLessThanOrEqual(2_000);
}
