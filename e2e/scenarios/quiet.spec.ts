import type { Page } from "@playwright/test";
import type { Headless } from "@tabcast/localnet/headless";
import { figure } from "../cast.ts";
import { expect, test } from "../stage.ts";

/** What a page has reached other machines by: WebSockets to relays, and WebRTC connections to other tabs. */
interface Dialled {
  sockets: string[];
  connections: number;
}

/** Has a page count what it dials, from its first script on. */
async function counting(page: Page): Promise<() => Promise<Dialled>> {
  await page.addInitScript(() => {
    const dialled = { sockets: [] as string[], connections: 0 };
    Object.assign(globalThis, { dialled });
    globalThis.WebSocket = class extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        dialled.sockets.push(String(url));
        super(url, protocols);
      }
    };
    globalThis.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        dialled.connections += 1;
        super(configuration);
      }
    };
  });
  return () => page.evaluate(() => (globalThis as unknown as { dialled: Dialled }).dialled);
}

const nobody: Dialled = { sockets: [], connections: 0 };

for (const [where, shows] of [
  ["/", "Live video, made by browser tabs"],
  ["/earn", "Earn"],
  ["/broadcast", "Broadcast"],
  ["/network", "Network"],
  ["/no-such-page", undefined],
] as const)
  test(`opening ${where} dials nobody until its visitor wants to see what is on air`, async ({
    stage,
  }) => {
    const page = await stage.open(`visitor of ${where}`);
    const dialled = await counting(page);
    const described = page.waitForResponse("**/tabcast.json");
    await page.goto(where);
    if (shows !== undefined)
      await expect(page.getByRole("heading", { level: 1, name: shows })).toBeVisible();
    // It knows where its network is by now.
    await described;
    await expect(figure(page, "Network state")).toHaveText(/^Not connected/);
    expect(await dialled()).toEqual(nobody);
    // The first one comes from what the person does, in the same page.
    await page.getByRole("link", { name: "Watch", exact: true }).first().click();
    await expect(figure(page, "Network state")).toHaveText(/^Connected to 1 relay/);
    expect((await dialled()).sockets).not.toEqual([]);
    await page.close();
  });

test("Network connects a visitor who asks for it, and says that the id is for this visit", async ({
  stage,
}) => {
  const page = await stage.open("curious visitor");
  const ids: string[] = [];
  for (const _ of ["first visit", "second visit"]) {
    await page.goto("/network");
    await page.getByRole("button", { name: "Connect" }).click();
    const self = figure(page, "This tab");
    await expect(self).toHaveText(/^….{8}$/);
    await expect(page.getByText("an id for this visit")).toBeVisible();
    ids.push((await self.textContent()) ?? "");
  }
  expect(ids[0]).not.toBe(ids[1]);
  const kept = await page.evaluate(async () =>
    (await indexedDB.databases()).map(({ name }) => name),
  );
  expect(kept.filter((name) => name?.includes("identity"))).toEqual([]);
  await page.close();
});

test("a network without TURN says that no address can be hidden, on its page and to a headless tab", async ({
  stage,
}) => {
  const page = await stage.open("shy visitor");
  await page.goto("/network");
  const hide = page.getByRole("checkbox", { name: "Hide this device's address from other tabs" });
  await expect(hide).toBeDisabled();
  await expect(hide).not.toBeChecked();
  await expect(page.getByText("the network names no TURN server")).toBeVisible();
  await page.goto("/headless.html");
  await page.waitForFunction(() => "tabcast" in globalThis);
  const refused = page.evaluate(async () => {
    const { tabcast } = globalThis as unknown as { tabcast: Headless };
    await tabcast.startWorker({ codecs: ["avc"], patience: 1_000, relayOnly: true });
  });
  await expect(refused).rejects.toThrow("this network names no TURN server");
  await page.close();
});
