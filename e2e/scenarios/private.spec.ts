import type { Page } from "@playwright/test";
import { deliveries, earn, figure, goLive, hired, plays, watch } from "../cast.ts";
import { expect, test } from "../stage.ts";

/** A title like no other, that only those with the key may read. */
const TITLE = "Grandmother's birthday";

/** All that a page has kept, and its cookies, as text. */
const storage = (page: Page) =>
  page.evaluate(async () => {
    const kept: unknown[] = [{ ...localStorage }, { ...sessionStorage }, document.cookie];
    for (const { name = "" } of await indexedDB.databases()) {
      const opened = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(name);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      for (const store of opened.objectStoreNames) {
        const all = opened.transaction(store).objectStore(store).getAll();
        kept.push(await new Promise((resolve) => (all.onsuccess = () => resolve(all.result))));
      }
      opened.close();
    }
    return JSON.stringify(kept, (_, value) => (typeof value === "bigint" ? `${value}` : value));
  });

test("a private stream is made by its crew and watched by its link, is on no list, and stays shut without the key", async ({
  stage,
}) => {
  test.setTimeout(240_000);
  for (const left of [...stage.pages.values()]) await left.close();
  const worker = await earn(stage, "crew worker");
  const onAir = await goLive(stage, {
    title: TITLE,
    size: "640 x 360",
    rungs: ["240p"],
    workers: 1,
    ether: "0.01",
    async prepare(page) {
      const choice = page.getByRole("radiogroup", { name: "Who can watch" });
      await expect(choice.getByRole("radio", { name: "Public" })).toBeChecked();
      await choice.getByRole("radio", { name: "Private" }).click();
      await stage.shoot(page, "broadcast-who-can-watch");
    },
  });
  const crewLink = await onAir.page.getByLabel("Crew link", { exact: true }).inputValue();
  const [address = "", key = ""] = onAir.link.split("#");
  const crewKey = crewLink.split("#").at(-1) ?? "";
  expect(key).toMatch(/^[\w-]{43}$/);
  expect(crewKey).toMatch(/^[\w-]{43}$/);
  expect(crewKey).not.toBe(key);
  await stage.shoot(onAir.page, "broadcast-private");

  // A worker without the crew link hears of no work; a viewer's link is explained; with the crew's it is hired.
  const { page } = worker;
  await expect(figure(page, "Worker state")).toHaveText(/Waiting for offers/);
  await page.getByText("Work for a private stream").click();
  const field = page.getByLabel("Crew link", { exact: true });
  const join = page.getByRole("button", { name: "Join its crew" });
  await field.fill(onAir.link);
  await join.click();
  await expect(page.getByText(/^This link is for viewers\./)).toBeVisible();
  await field.fill(crewLink.slice(0, -5));
  await join.click();
  await expect(page.getByText(/^The key in this link is not whole/)).toBeVisible();
  await field.fill(crewLink);
  await join.click();
  await expect(page.getByText("Working for a private stream")).toBeVisible();
  await hired(worker);
  await stage.shoot(page, "earn-private");

  // Its viewer sees it, from the worker, and after a reload again.
  const viewer = await watch(stage, onAir.link);
  await expect(viewer.page.getByRole("heading", { name: TITLE })).toBeVisible();
  await plays(viewer, { rung: await rungText(viewer.page, "240p"), height: 240, seconds: 3 });
  await expect
    .poll(async () => (await deliveries(viewer)).get(worker.peer), { timeout: 60_000 })
    .toContain("240p");
  await stage.shoot(viewer.page, "watch-private");
  const asked: string[] = [];
  viewer.page.on("request", (request) => {
    asked.push(request.url().split("#")[0] ?? "", JSON.stringify(request.headers()));
  });
  await viewer.page.reload();
  const at = () => viewer.video.evaluate((one: HTMLVideoElement) => one.currentTime);
  await expect.poll(at, { timeout: 60_000 }).toBeGreaterThan(0);

  // The key is in no request, and in nothing that a page keeps.
  expect(asked.length).toBeGreaterThan(2);
  const kept = await Promise.all([viewer.page, onAir.page, page].map(storage));
  for (const text of [...asked, ...kept])
    for (const secret of [key, crewKey]) expect(text).not.toContain(secret);

  // Nobody else finds it, nor can see it with less than its link.
  const stranger = await stage.open("stranger");
  await stranger.goto("/watch");
  await expect(stranger.getByText("Nothing is on air")).toBeVisible({ timeout: 60_000 });
  const says = (text: string) => expect(stranger.getByRole("alert")).toContainText(text);
  await stranger.goto(address);
  await says("its link ends with # and a key, which is missing here");
  await expect(stranger.getByRole("heading", { name: "A private stream" })).toBeVisible();
  await stage.shoot(stranger, "watch-private-without-key");
  await stranger.goto(`${address}#${crewKey}`);
  await says("the key in this link does not open it");
  await stranger.goto(`${address}#${key.slice(0, 20)}`);
  await says("The key in this link is not whole");
  await expect(stranger.locator("body")).not.toContainText(TITLE);
  // What was mended in the address bar is followed at once.
  await stranger.goto(onAir.link);
  await expect(stranger.getByRole("heading", { name: TITLE })).toBeVisible();

  // So is a crew link; and who has joined a crew can leave it.
  await stranger.goto(crewLink.slice(0, -5));
  await says("The key in this link is not whole");
  await stranger.goto(crewLink);
  const working = stranger.getByText("Working for a private stream");
  await expect(working).toBeVisible();
  // Left from another page than its own: going back to its address joins nothing.
  await stranger.getByRole("link", { name: "Network", exact: true }).click();
  await stranger.getByRole("link", { name: "Earn", exact: true }).click();
  await stranger.getByRole("button", { name: "Leave its crew" }).click();
  await expect(working).toBeHidden();
  await stranger.goBack();
  await stranger.goBack();
  await expect(stranger.getByText("You left this stream's crew")).toBeVisible();
  await expect(working).toBeHidden();
  await stage.shoot(stranger, "earn-private-left");
  await stranger.getByRole("button", { name: "Join again" }).click();
  await expect(working).toBeVisible();
  await expect(stranger.getByText("You left this stream's crew")).toBeHidden();

  await onAir.page.getByRole("button", { name: "End stream" }).click();
  await onAir.page.getByRole("button", { name: "Skip the wait" }).click({ timeout: 60_000 });
  await expect(figure(onAir.page, "Broadcast state")).toHaveText("The stream has ended", {
    timeout: 60_000,
  });
});

/** The choice of a rung as the player names it. */
async function rungText(page: Page, name: string): Promise<string> {
  const option = page.getByLabel("Rung", { exact: true }).locator(`option[value="${name}"]`);
  await expect(option).toHaveCount(1, { timeout: 60_000 });
  return (await option.textContent()) ?? "";
}
