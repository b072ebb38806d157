import { spawn } from "node:child_process";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Chromium, launchChromium } from "@tabcast/driver";
import { afterAll, beforeAll, expect, test } from "vitest";
import { localnet } from "./localnet.ts";
import type { NetEvent } from "./types.ts";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
let chromium: Chromium;
beforeAll(async () => {
  chromium = await launchChromium();
});
afterAll(() => chromium.close());

test("a page reloads when its source changes, and the workers' pages do not", async () => {
  const root = await mkdtemp(join(tmpdir(), "tabcast-live-"));
  const source = join(root, "main.ts");
  await writeFile(join(root, "index.html"), '<script type="module" src="/main.ts"></script>');
  await writeFile(source, 'document.title = "before" as string;');
  const events: NetEvent[] = [];
  const net = await localnet({ workers: 1, live: { root }, on: (event) => events.push(event) });
  try {
    const [worker] = net.workers;
    await worker?.page.evaluate(() => Object.assign(globalThis, { mark: "the same page" }));
    // An address of the page's own is the same page.
    const { page } = await chromium.open({ name: "reader", url: `${net.origin}/watch/here` });
    const titled = (title: string) =>
      page.waitForFunction((text) => document.title === text, title, { timeout: 30_000 });
    await titled("before");
    await Promise.all([titled("after"), writeFile(source, 'document.title = "after" as string;')]);
    expect(events).toContainEqual({ type: "reload", what: "page reload main.ts" });
    expect(await worker?.page.evaluate(() => (globalThis as { mark?: string }).mark)).toBe(
      "the same page",
    );
    expect(net.workers).toEqual([worker]);
    // What the network itself answers comes before the pages.
    expect(await (await fetch(`${net.origin}/tabcast.json`)).json()).toEqual(net.config);
    expect(await (await fetch(`${net.origin}/local/nothing`)).json()).toEqual({
      error: "not found",
    });
  } finally {
    await net.close();
    await rm(root, { recursive: true, force: true });
  }
});

/** `npm run dev` with these flags; its lines, and its end. */
function dev(args: readonly string[]) {
  const child = spawn(process.execPath, [join(repository, "scripts", "dev.mjs"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let stderr = "";
  let hear = () => {};
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    hear();
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    stop: () => child.kill("SIGINT"),
    ended,
    stderr: () => stderr,
    /** The first line that matches. */
    said: (pattern: RegExp) =>
      new Promise<string>((resolve, reject) => {
        const look = () => {
          const found = lines.find((line) => pattern.test(line));
          if (found !== undefined) resolve(found);
        };
        hear = look;
        look();
        void ended.then((code) =>
          reject(new Error(`ended with ${code} before ${pattern}: ${lines.join("\n")}${stderr}`)),
        );
      }),
  };
}

test("npm run dev says where the pages are, reloads the real ones on a change, and Ctrl-C ends all of it", async () => {
  const command = dev(["--workers", "0"]);
  try {
    await command.said(/^ready: /);
    const address = (await command.said(/^Network {5}/)).slice(12);
    const { page } = await chromium.open({ name: "developer", url: address });
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    await page.evaluate(() => Object.assign(globalThis, { mark: "before" }));
    const reloaded = page.waitForFunction(() => !("mark" in globalThis), undefined, {
      timeout: 30_000,
    });
    // Only its time changes: this is the sources' own index.html.
    const now = new Date();
    await utimes(join(repository, "apps/web/index.html"), now, now);
    await command.said(/^reload {6}page reload index\.html/);
    await reloaded;
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    command.stop();
    expect(await command.ended).toBe(0);
    await expect(fetch(address)).rejects.toThrow();
  } finally {
    command.stop();
  }
});

test.each([
  [["--workers", "17"], '--workers takes a whole number from 0 to 16, got "17"'],
  [["--port", "web"], '--port takes a whole number from 1 to 65535, got "web"'],
  [["--watch"], "--watch"],
])("npm run dev refuses %j in one line before it starts anything", async (args, words) => {
  const command = dev(args);
  expect(await command.ended).toBe(2);
  expect(command.stderr().trim().split("\n")).toHaveLength(1);
  expect(command.stderr()).toContain(words);
});
