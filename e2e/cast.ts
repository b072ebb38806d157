import { expect, type Locator, type Page } from "@playwright/test";
import * as Driver from "@tabcast/driver";
import type { Stage } from "./stage.ts";

/** A figure of a page, by its label. */
export const figure = (page: Page, label: string): Locator =>
  page.getByRole("status", { name: label, exact: true });

/** An amount of a page in wei, by its label. */
export async function amount(page: Page, label: string): Promise<bigint> {
  const wei = await figure(page, label).getAttribute("data-parts");
  return BigInt(wei ?? "");
}

/** Follows a link of the page's own navigation, which keeps the tab's node running. */
async function turnTo(page: Page, name: string): Promise<void> {
  await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).click();
}

/** The last characters of the page's peer id, as other pages show it. */
async function shortPeer(page: Page, back: string): Promise<string> {
  await turnTo(page, "Network");
  const self = figure(page, "This tab");
  await expect(self).toHaveText(/^….{8}$/);
  const text = await self.textContent();
  await turnTo(page, back);
  return text ?? "";
}

/** A page that works and is paid. */
export interface Earner {
  readonly name: string;
  readonly page: Page;
  /** As others show it: "…" and eight characters. */
  readonly peer: string;
  /** "0x1234…abcd". */
  readonly payee: string;
}

/** Opens Earn with a play-money wallet and starts; resolves when the page has measured itself and joined. */
export async function earn(stage: Stage, name: string): Promise<Earner> {
  const page = await stage.open(name);
  await page.goto("/earn");
  const address = page.getByLabel("Play money address");
  await expect(address).toHaveText(/^0x/);
  const payee = (await address.textContent()) ?? "";
  await page.getByRole("button", { name: "Start earning" }).click();
  await expect(figure(page, "Worker state")).toHaveText(
    /Waiting for offers|Hired|Working on segment/,
    { timeout: 60_000 },
  );
  return { name, page, payee, peer: await shortPeer(page, "Earn") };
}

/** The page has been hired by a stream. */
export const hired = ({ page }: Earner) =>
  expect(figure(page, "Worker state")).toHaveText(/Hired|Working on segment/, { timeout: 60_000 });

/** A segment that a worker has just begun, and what its page said then that it had earned, in wei. */
export interface Begun {
  readonly seq: number;
  readonly earned: bigint;
}

/** Resolves the moment that the page begins a segment later than the one it has in hand. */
export async function begins({ page }: Earner): Promise<Begun> {
  const state = await figure(page, "Worker state").elementHandle();
  const earned = await figure(page, "Earned").elementHandle();
  // One trip for all: a small segment is done in a fifth of a second.
  const { seq, wei } = await page.evaluate(
    ([state, earned]) =>
      new Promise<{ seq: number; wei: string }>((resolve) => {
        const now = () => Number(/Working on segment (\d+)/.exec(state?.textContent ?? "")?.[1]);
        const before = now();
        const watch = new MutationObserver(() => {
          const seq = now();
          if (Number.isNaN(seq) || seq === before) return;
          watch.disconnect();
          resolve({ seq, wei: earned?.getAttribute("data-parts") ?? "" });
        });
        if (state !== null)
          watch.observe(state, { childList: true, characterData: true, subtree: true });
      }),
    [state, earned] as const,
  );
  return { seq, earned: BigInt(wei) };
}

/** Makes ready to let the page's renderer die in the middle of whatever it does: no goodbye, no event in the page. */
export async function crasher(stage: Stage, { page }: Earner): Promise<() => Promise<void>> {
  const crash = await Driver.crasher(page);
  return async () => {
    stage.expectCrash(page);
    await crash();
  };
}

/** A page on the air. */
export interface Broadcaster {
  readonly page: Page;
  readonly peer: string;
  /** The Watch link that the page gives. */
  readonly link: string;
}

/** Opens Broadcast, chooses the built-in scene and the given rungs, deposits play money and goes live. */
export async function goLive(
  stage: Stage,
  { title, size, rungs, workers, ether, prepare }: GoLive,
): Promise<Broadcaster> {
  const page = await stage.open("broadcaster");
  await page.goto("/broadcast");
  await page.getByRole("radio", { name: "Test scene" }).click();
  await page.getByLabel("Size", { exact: true }).selectOption(size);
  await page.getByLabel("Title").fill(title);
  const ladder = page.getByRole("group", { name: "Rungs" }).getByRole("checkbox");
  await expect(ladder).not.toHaveCount(0);
  for (const rung of await ladder.all())
    await rung.setChecked(rungs.includes((await rung.getAttribute("aria-label")) ?? ""));
  await page.getByLabel("Workers").fill(String(workers));
  await page.getByLabel("Deposit, in ETH").fill(ether);
  await expect(page.getByLabel("Play money address")).toHaveText(/^0x/);
  await prepare?.(page);
  await page.getByRole("button", { name: /^Put .* in this stream's pot and go live$/ }).click();
  await expect(figure(page, "Broadcast state")).toHaveText("On air", { timeout: 60_000 });
  const peer = await shortPeer(page, "Broadcast");
  return { page, peer, link: await page.getByLabel("Watch link", { exact: true }).inputValue() };
}

interface GoLive {
  readonly title: string;
  /** Of the scene, as the page names it: small enough that two cores draw, encode, transcode and play it. */
  readonly size: string;
  readonly rungs: readonly string[];
  readonly workers: number;
  readonly ether: string;
  /** What else is set before going live. */
  readonly prepare?: (page: Page) => Promise<void>;
}

/** The broadcaster's line of a segment. */
export const line = ({ page }: Broadcaster, seq: number): Locator =>
  page
    .getByRole("region", { name: "Segment table" })
    .getByRole("row")
    .filter({ has: page.getByRole("cell", { name: String(seq), exact: true }) });

/** What the broadcaster's line of a segment says: who made it, and who had it before. */
export interface Told {
  readonly seq: number;
  readonly worker: string;
  readonly after: string | undefined;
  readonly verified: string;
  /** From its end until all its rungs were here, in milliseconds; NaN if nobody made any. */
  readonly tookMs: number;
}

/** The lines of closed segments that the broadcaster shows, newest first. */
export async function told({ page }: Broadcaster): Promise<Told[]> {
  const rows = await page
    .getByRole("region", { name: "Segment table" })
    .getByRole("row")
    .filter({ has: page.getByRole("cell") })
    .evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent.trim())),
    );
  return rows
    .map(([seq = "", who = "", , took = "", verified = ""]) => {
      const [worker = "", after] = who.split("after ");
      const tookMs = Number.parseFloat(took.replaceAll(",", ""));
      return { seq: Number(seq), worker: worker.trim(), after, verified, tookMs };
    })
    .filter(({ verified }) => verified !== "–");
}

/** A page that plays. */
export interface Watcher {
  readonly page: Page;
  readonly video: Locator;
}

/** What was seen on the screen since a moment. Milliseconds of wall time, seconds of media time. */
export interface Seen {
  readonly frames: number;
  /** Longest time without a new frame, up to now. */
  readonly stillMs: number;
  /** Largest step forward in media time between two frames. */
  readonly jumpS: number;
  /** Frames that were older than the one before them. */
  readonly backwards: number;
}

interface Watched {
  readonly frames: { readonly at: number; readonly media: number }[];
  /** Bytes that were handed to the decoder, each buffer counted once. */
  appended: number;
}

/** Follows a Watch link and resolves when the picture moves. */
export async function watch(stage: Stage, link: string): Promise<Watcher> {
  const page = await stage.open("viewer");
  // Counts what reaches the decoder, apart from what the page says of itself.
  await page.addInitScript(() => {
    const watched: Watched = { frames: [], appended: 0 };
    const known = new Set<string>();
    const append = SourceBuffer.prototype.appendBuffer;
    SourceBuffer.prototype.appendBuffer = function (data: BufferSource) {
      const bytes = ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : new Uint8Array(data);
      let sum = 0x811c9dc5;
      for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
      const key = `${bytes.byteLength}/${sum}`;
      // A player may append an init segment again when it changes rungs.
      if (!known.has(key)) watched.appended += bytes.byteLength;
      known.add(key);
      append.call(this, data);
    };
    Object.assign(globalThis, { watched });
  });
  await page.goto(link);
  const video = page.getByLabel("Live picture");
  await expect
    .poll(() => video.evaluate((one: HTMLVideoElement) => one.currentTime), { timeout: 60_000 })
    .toBeGreaterThan(0);
  await video.evaluate((one: HTMLVideoElement) => {
    const { watched } = globalThis as unknown as { watched: Watched };
    const see: VideoFrameRequestCallback = (at, { mediaTime }) => {
      watched.frames.push({ at, media: mediaTime });
      one.requestVideoFrameCallback(see);
    };
    one.requestVideoFrameCallback(see);
  });
  return { page, video };
}

/** The page's clock, for `seen`. */
export const now = ({ page }: Watcher) => page.evaluate(() => performance.now());

/** What was on the screen since a moment of the page's clock. */
export const seen = ({ page }: Watcher, since: number): Promise<Seen> =>
  page.evaluate((since) => {
    const { frames } = (globalThis as unknown as { watched: Watched }).watched;
    const first = Math.max(0, frames.findIndex(({ at }) => at >= since) - 1);
    const lately = frames.slice(first);
    let [stillMs, jumpS, backwards] = [0, 0, 0];
    for (const [i, { at, media }] of lately.entries()) {
      const next = lately[i + 1];
      stillMs = Math.max(stillMs, (next?.at ?? performance.now()) - at);
      if (next === undefined) continue;
      jumpS = Math.max(jumpS, next.media - media);
      if (next.media < media) backwards++;
    }
    return { frames: lately.length, stillMs: Math.round(stillMs), jumpS, backwards };
  }, since);

/** Bytes that reached the decoder, each buffer once. */
export const appended = ({ page }: Watcher): Promise<number> =>
  page.evaluate(() => (globalThis as unknown as { watched: Watched }).watched.appended);

/** Chooses a rung by its label and resolves when the picture has its height and has advanced by `seconds`. */
export async function plays(
  { page, video }: Watcher,
  { rung, height, seconds }: { rung: string; height: number; seconds: number },
): Promise<void> {
  await page.getByLabel("Rung", { exact: true }).selectOption(rung);
  const picture = () =>
    video.evaluate((one: HTMLVideoElement) => ({
      height: one.videoHeight,
      at: one.currentTime,
      frames: one.getVideoPlaybackQuality().totalVideoFrames,
    }));
  await expect.poll(async () => (await picture()).height, { timeout: 60_000 }).toBe(height);
  const before = await picture();
  // A segment that this rung lacks is shown in another, and the rung comes back.
  const advanced = async () => {
    const now = await picture();
    return now.height === height && now.at > before.at + seconds && now.frames > before.frames;
  };
  await expect.poll(advanced, { timeout: 60_000 }).toBe(true);
}

/** Resolves when the viewer's strip says that a segment was on the screen, or that nobody has it; gives which. */
export async function shown({ page }: Watcher, seq: number): Promise<string> {
  const cell = page.getByTitle(new RegExp(`^Segment ${seq}: (?!ahead)`));
  await expect(cell).toHaveCount(1, { timeout: 60_000 });
  return ((await cell.getAttribute("title")) ?? "").replace(/^Segment \d+: /, "");
}

/** Who delivered which tracks to the viewer, by peer. */
export async function deliveries({ page }: Watcher): Promise<Map<string, string[]>> {
  const rows = await page
    .getByRole("region", { name: "Deliveries" })
    .getByRole("row")
    .filter({ has: page.getByRole("cell") })
    .evaluateAll((all) =>
      all.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent.trim())),
    );
  return new Map(rows.map(([peer = "", what = ""]) => [peer, what.split(", ")]));
}
