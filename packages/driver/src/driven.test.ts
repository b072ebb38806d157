import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BrowserError } from "./errors.ts";
import { findChromium } from "./find.ts";
import { type Chromium, launchChromium } from "./launch.ts";
import { type Broken, type ConsoleLine, LONGEST_LINE, MOST_LINES } from "./page.ts";

/** Why there is no browser here, or undefined where there is one. */
function missing(): string | undefined {
  try {
    findChromium();
    return undefined;
  } catch (error) {
    if (error instanceof BrowserError) return error.message;
    throw error;
  }
}

const html = (body: string) => `data:text/html,${encodeURIComponent(body)}`;
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    // One that has ended and that nobody has asked for yet is still listed.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
};

/** Processes of the group that a process leads. */
const groupOf = (leader: number): number[] =>
  readdirSync("/proc").flatMap((name) => {
    try {
      // The program's name stands in brackets; state, parent and group follow the last of them.
      const [, group = ""] =
        /\) \S \d+ (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "latin1")) ?? [];
      return Number(group) === leader ? [Number(name)] : [];
    } catch {
      return []; // no process, or gone while we looked
    }
  });

test("a start is refused that is not given a sensible time", async () => {
  for (const startWithin of [0, -1, Number.NaN, 600_001])
    await expect(launchChromium({ startWithin })).rejects.toThrow(`got ${startWithin}`);
  await expect(launchChromium({ closeWithin: 60_001 })).rejects.toThrow("1 to 60000");
});

test("a start says so when the program at the path is no browser", async () => {
  await expect(launchChromium({ path: process.execPath })).rejects.toMatchObject({
    reason: { code: "BROWSER_FAILED", path: process.execPath },
    message: expect.stringContaining("did not start"),
  });
});

describe.skipIf(missing() !== undefined)("a real Chromium", () => {
  let chromium: Chromium;
  const folder = mkdtempSync(join(tmpdir(), "tabcast-driver-"));
  beforeAll(async () => {
    chromium = await launchChromium();
  });
  afterAll(async () => {
    await chromium.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a browser tells its version and its own process", () => {
    expect(chromium.version).toMatch(/^Chromium \d+\./);
    expect(alive(chromium.pid)).toBe(true);
  });

  test("a page answers, calls back, and fails with its own words", async () => {
    const heard: string[] = [];
    const page = await chromium.open({
      name: "worker 1",
      url: html(`<script>
        globalThis.verbs = { add: (a, b) => a + b, fail() { throw new RangeError("too far"); } };
        tell("ready");
      </script>`),
      ready: "verbs",
      bindings: { tell: (text) => void heard.push(text) },
    });
    expect(await page.evaluate((n) => n + 1, 41)).toBe(42);
    expect(await page.call("verbs", "add", [2, 3])).toBe(5);
    expect(heard).toEqual(["ready"]);
    await expect(page.call("verbs", "fail", [])).rejects.toMatchObject({
      reason: { code: "PAGE_FAILED", page: "worker 1" },
      message: "too far",
    });
    await expect(page.call("verbs", "fly", [])).rejects.toThrow("the page has no verbs.fly");
    await page.close();
  });

  test("pages share no storage", async () => {
    const [one, two] = await Promise.all(
      ["one", "two"].map((name) => chromium.open({ name, url: "chrome://version" })),
    );
    await one?.evaluate(() => localStorage.setItem("who", "one"));
    expect(await two?.evaluate(() => localStorage.getItem("who"))).toBeNull();
    await Promise.all([one?.close(), two?.close()]);
  });

  test("a page keeps the newest console lines, cut to their longest", async () => {
    const lines: ConsoleLine[] = [];
    const page = await chromium.open({ name: "talker", line: (line) => lines.push(line) });
    const many = MOST_LINES + 20;
    await page.evaluate((count) => {
      for (let i = 0; i < count; i++) console.log(`line ${i}`);
      console.error("x".repeat(9_000));
    }, many);
    await expect.poll(() => lines.length).toBe(many + 1);
    expect(page.lines()).toHaveLength(MOST_LINES);
    expect(page.lines().at(-1)).toMatchObject({ type: "error", text: "x".repeat(LONGEST_LINE) });
    expect(page.lines().at(-2)?.text).toBe(`line ${many - 1}`);
    await page.close();
  });

  test("a page tells what it throws outside every call, and that the page lives on", async () => {
    const { promise, resolve } = Promise.withResolvers<Broken>();
    const page = await chromium.open({ name: "thrower", broken: resolve });
    await page.evaluate(() => {
      queueMicrotask(() => {
        throw new Error("lost a thread");
      });
    });
    expect(await promise).toMatchObject({ message: "lost a thread", over: false });
    expect(await page.evaluate(() => 1)).toBe(1);
    await page.close();
  });

  test("a crash is told once and ends what was asked of the page, and closing it does not wait", async () => {
    const told: Broken[] = [];
    const page = await chromium.open({ name: "victim", broken: (broken) => told.push(broken) });
    const asked = page.evaluate(() => new Promise<never>(() => {}));
    await Promise.all([
      expect(asked).rejects.toMatchObject({
        code: "PAGE_GONE",
        message: "victim: the page crashed",
      }),
      page.crash(),
    ]);
    await expect(page.evaluate(() => 1)).rejects.toMatchObject({ code: "PAGE_GONE" });
    await page.close(() => new Promise(() => {}));
    expect(told).toEqual([{ message: "the page crashed", over: true }]);
  });

  test("closing a page gives a goodbye that never ends two seconds, and tells nothing", async () => {
    const told: Broken[] = [];
    const page = await chromium.open({ name: "leaver", broken: (broken) => told.push(broken) });
    const asked = page.evaluate(() => new Promise<never>(() => {}));
    const refused = expect(asked).rejects.toMatchObject({ code: "PAGE_GONE" });
    await Promise.all([page.close(() => new Promise(() => {})), page.close(), refused]);
    expect(told).toEqual([]);
  });

  test("a page that never becomes ready is given up and closed", async () => {
    const before = chromium.browser.contexts().length;
    const opening = chromium.open({
      name: "sleeper",
      url: html(""),
      ready: "nothing",
      loadWithin: 100,
    });
    await expect(opening).rejects.toMatchObject({
      code: "PAGE_FAILED",
      message: expect.stringMatching(/sleeper: Timeout 100ms/),
    });
    expect(chromium.browser.contexts()).toHaveLength(before);
  });

  test("an address where nobody listens is PAGE_FAILED", async () => {
    const opening = chromium.open({ name: "lost", url: "http://127.0.0.1:9/" });
    await expect(opening).rejects.toMatchObject({
      reason: { code: "PAGE_FAILED", page: "lost" },
      message: expect.stringMatching(/^lost: net::ERR_/),
    });
  });

  test("a page is written as a picture", async () => {
    const page = await chromium.open({ name: "model", url: html("<h1>Here</h1>") });
    const file = join(folder, "model.png");
    await page.screenshot(file);
    expect(existsSync(file)).toBe(true);
    await page.close();
  });

  test("a browser that is killed is told to every page of it", async () => {
    const other = await launchChromium();
    const { promise, resolve } = Promise.withResolvers<Broken>();
    const page = await other.open({ name: "orphan", broken: resolve });
    process.kill(other.pid, "SIGKILL");
    expect(await promise).toEqual({ message: "the browser ended", over: true });
    await expect(page.evaluate(() => 1)).rejects.toMatchObject({ code: "PAGE_GONE" });
    await expect(other.open({ name: "late" })).rejects.toMatchObject({ code: "PAGE_GONE" });
    await other.close();
  });

  test.skipIf(!existsSync("/proc"))(
    "closing kills a browser that stands still, and leaves none of its processes",
    async () => {
      const other = await launchChromium({ closeWithin: 300 });
      await other.open({ name: "inside" });
      const children = groupOf(other.pid);
      expect(children).toContain(other.pid);
      process.kill(other.pid, "SIGSTOP");
      await Promise.all([other.close(), other.close()]);
      await expect.poll(() => children.filter(alive), { timeout: 5_000 }).toEqual([]);
    },
  );
});
