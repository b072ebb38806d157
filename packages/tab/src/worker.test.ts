import { memory as memoryBooks, type Wallet } from "@tabcast/channel";
import { Screen } from "@tabcast/market";
import { Amount, Millis, systemClock, Wei } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { ear, gas, openStage, payee } from "../test/stage.ts";
import { type WorkerSettings, workerDefaults } from "./settings/index.ts";

/** A worker under way with these settings, and what it says of the stage's next offer. */
async function working(change: Partial<WorkerSettings>) {
  const stage = await openStage();
  const { tab, purses } = stage.tab();
  const heard = ear();
  const settings = { ...workerDefaults, ...change };
  const started = await tab.worker.start({ payee, settings, on: heard.on });
  return { stage, tab, heard, purses, started, settings };
}

test("a worker with the default settings bids on an offer of anybody", async () => {
  const { stage, tab, heard, started } = await working({});
  await stage.offer();
  await heard.next("bid");
  expect(stage.bids).toEqual([started.peer]);
  await tab.close();
});

test("a worker does not bid for a stream on its deny list, whether it is named by stream or by broadcaster", async () => {
  for (const name of ["stream", "broadcaster"] as const) {
    const stage = await openStage();
    const { tab } = stage.tab();
    const heard = ear();
    const settings = { ...workerDefaults, deny: [stage[name]] };
    await tab.worker.start({ payee, settings, on: heard.on });
    await stage.offer();
    expect((await heard.next("passed")).why).toBe("denied");
    expect(stage.bids).toEqual([]);
    await tab.close();
  }
});

test("a worker with an allow list works for nobody else", async () => {
  const { stage, tab, heard } = await working({ allow: ["a".repeat(64)] });
  await stage.offer();
  expect((await heard.next("passed")).why).toBe("denied");
  await tab.close();
});

test("a worker does not work for less than its price", async () => {
  const { stage, tab, heard } = await working({ price: Amount.of(1_000_000_000_001) });
  await stage.offer();
  expect((await heard.next("passed")).why).toBe("too expensive");
  await tab.close();
});

test("what may be owed without a guarantee reaches the worker's purse", async () => {
  const { tab, purses } = await working({ softCap: Amount.of(7n) });
  expect(purses).toEqual([{ payee, open: true, softCap: 7n }]);
  await tab.close();
});

test("the share for watchtowers reaches the worker's purse, and the purse of a tab that only looks at its money", async () => {
  const { stage, tab, purses } = await working({ watchtowerShare: 20 });
  expect(purses).toEqual([{ payee, open: true, share: 20 }]);
  await tab.close();
  const books = memoryBooks();
  const worker = stage.tab(books);
  await worker.tab.worker.set({ ...workerDefaults, watchtowerShare: 0 });
  await worker.tab.settling.takings({ payee });
  expect(worker.purses).toEqual([{ payee, open: false, share: 0 }]);
  await worker.tab.close();
});

test("claims for others are paid by the worker's own key, and by this browser's gas purse where its wallet is another", async () => {
  const key = { address: `0x${"1".repeat(40)}`, type: "local" } as unknown as Wallet;
  const person = { address: payee, provider: { request: async () => undefined } };
  for (const [wallet, pays] of [
    [key, key.address],
    [person, gas],
    [undefined, gas],
  ] as const) {
    const stage = await openStage();
    const { tab, towers } = stage.tab();
    // A wallet of another address than the payee's signs no proof.
    const who = { payee: `0x${"2".repeat(40)}` as const, ...(wallet && { wallet }) };
    await tab.worker.start({ ...who, settings: workerDefaults, on: () => {} });
    expect(towers).toEqual([pays]);
    await tab.close();
  }
});

test("a worker tells what its tab's watchtower did for others", async () => {
  const stage = await openStage();
  const { tab, watching } = stage.tab();
  const heard = ear();
  await tab.worker.start({ payee, settings: workerDefaults, on: heard.on });
  const tower = watching();
  tower?.onRescue?.(payee, Amount.of(95n));
  tower?.onShare?.(Amount.of(5n));
  tower?.onSpent?.(Wei.of(1n));
  tower?.onWithdrawn?.(Amount.of(5n));
  const told = heard.heard.flatMap((one) => (one.type === "watchtower" ? [one.news] : []));
  expect(told).toEqual([
    { type: "saved", payee, saved: 95n },
    { type: "earned", share: 5n },
    { type: "spent", cost: 1n },
    { type: "withdrawn", amount: 5n },
  ]);
  await tab.close();
});

test("a worker bids on a private crew's offers only with the crew's token", async () => {
  const token = "a-token-of-our-own";
  const crew = Screen.crewId(new TextEncoder().encode(token));
  const outsider = await working({});
  await outsider.stage.offer({ crew });
  expect((await outsider.heard.next("passed")).why).toBe("denied");
  const member = await working({ crews: [token] });
  await member.stage.offer({ crew });
  await member.heard.next("bid");
  await Promise.all([outsider.tab.close(), member.tab.close()]);
});

test("a worker bids on offers that need a tag only if it has it", async () => {
  const without = await working({});
  await without.stage.offer({ need: ["eu"] });
  expect((await without.heard.next("passed")).why).toBe("incapable");
  const having = await working({ tags: ["eu"] });
  await having.stage.offer({ need: ["eu"] });
  await having.heard.next("bid");
  await Promise.all([without.tab.close(), having.tab.close()]);
});

test("a worker rests outside its hours and bids again when they begin", async () => {
  const stage = await openStage();
  let minute = 719;
  const turns: (() => void)[] = [];
  const { tab } = stage.tab(memoryBooks(), {
    localTime: () => ({ day: 1, minute }),
    clock: {
      ...systemClock,
      // The look at the time once in a while is the test's to release.
      sleep: (ms, options) =>
        ms === 20_000
          ? new Promise((resolve) => turns.push(resolve))
          : systemClock.sleep(ms, options),
    },
  });
  const heard = ear();
  const hours = [{ days: [1], from: 720, to: 780 }];
  await tab.worker.start({ payee, settings: { ...workerDefaults, hours }, on: heard.on });
  expect((await heard.next("availability")).why).toBe("hours");
  await stage.offer();
  await heard.next("passed");
  expect(stage.bids).toEqual([]);
  minute = 720;
  turns.shift()?.();
  await heard.next("availability", ({ state }) => state === "open");
  await stage.offer();
  await heard.next("bid");
  await tab.close();
});

test("a worker that may only work while charging rests as soon as the plug is pulled", async () => {
  const stage = await openStage();
  let tell = (_: boolean) => {};
  const { tab } = stage.tab(memoryBooks(), {
    charging(on) {
      tell = on;
      on(true);
    },
  });
  const heard = ear();
  const limits = { jobs: 1, onlyWhenCharging: true };
  await tab.worker.start({ payee, settings: { ...workerDefaults, limits }, on: heard.on });
  expect((await heard.next("availability")).state).toBe("open");
  tell(false);
  await heard.next("availability", ({ why }) => why === "battery");
  await tab.close();
});

test("settings that change while a worker works count at once and for the next tab of the browser", async () => {
  const stage = await openStage();
  const books = memoryBooks();
  const { tab } = stage.tab(books);
  const heard = ear();
  await tab.worker.start({ payee, on: heard.on });
  const changed = {
    ...workerDefaults,
    deny: [stage.stream],
    price: Amount.of(5n),
    state: "paused" as const,
  };
  await tab.worker.set(changed);
  await heard.next("availability", ({ why }) => why === "paused");
  await tab.worker.set({ ...changed, state: "working" });
  await stage.offer();
  expect((await heard.next("passed")).why).toBe("denied");
  await tab.close();

  const { tab: reloaded } = stage.tab(books);
  expect(await reloaded.books.workerSettings()).toEqual({ ...changed, state: "working" });
  const again = ear();
  await reloaded.worker.start({ payee, on: again.on });
  await stage.offer();
  expect((await again.next("passed")).why).toBe("denied");
  await reloaded.close();
});

test("settings that change while a worker starts count from its first offer", async () => {
  const { tab } = (await openStage()).tab();
  const heard = ear();
  let setting: Promise<void> | undefined;
  await tab.worker.start({
    payee,
    on(event) {
      heard.on(event);
      if (event.type !== "joining") return;
      setting = tab.worker.set({ ...workerDefaults, state: "paused" });
    },
  });
  await setting;
  expect((await heard.next("availability")).why).toBe("paused");
  await tab.close();
});

test("only the codecs that were asked for are measured, and no further one when the time for it is over", async () => {
  const stage = await openStage();
  const first = stage.tab();
  await first.tab.worker.start({ payee, codecs: ["vp9", "av1"], on: ear().on });
  expect(first.measured).toEqual(["vp9", "av1"]);
  let reads = 0;
  const now = () => Millis.of(1_000 * ++reads);
  const clock = { ...systemClock, now };
  const second = stage.tab(memoryBooks(), { clock });
  await second.tab.worker.start({ payee, checking: 500, on: ear().on });
  expect(second.measured).toEqual(["avc"]);
  await Promise.all([first.tab.close(), second.tab.close()]);
});

test("a tab works once at a time, and again after it was stopped", async () => {
  const { tab, purses, heard } = await working({});
  await expect(tab.worker.start({ payee, on: heard.on })).rejects.toMatchObject({
    code: "TAB_BUSY",
  });
  await tab.worker.stop();
  expect(purses).toEqual([{ payee, open: false }]);
  await tab.worker.start({ payee, on: heard.on });
  await tab.close();
  expect(purses.map(({ open }) => open)).toEqual([false, false]);
});

test("a worker that is stopped while it measures ends quietly and leaves no purse open", async () => {
  const stage = await openStage();
  const { tab, purses } = stage.tab();
  const starting = tab.worker.start({
    payee,
    on: ({ type }) => {
      if (type === "joining") void tab.worker.stop();
    },
  });
  await expect(starting).rejects.toMatchObject({ name: "AbortError" });
  expect(purses.every(({ open }) => !open)).toBe(true);
  await tab.close();
});

test("reading the takings uses the worker's own purse, and opens another address's purse only for the reading", async () => {
  const { tab, purses } = await working({});
  const books = {
    ...{ delivered: 0n, signed: 5n, claimed: 2n, outstanding: 3n, guaranteed: 1n },
    ...{ unclaimed: 3n, credit: 11n },
  };
  expect(await tab.settling.takings({ payee })).toEqual({ ...books, pots: new Map() });
  // Of a pot that it never heard of, nothing was signed.
  const asked = await tab.settling.takings({ payee, pots: ["0x05", "0x07"] });
  expect([...asked.pots.values()]).toEqual([5n, 0n]);
  expect(purses).toHaveLength(1);
  const other = `0x${"e".repeat(40)}` as const;
  await tab.settling.takings({ payee: other });
  expect(purses).toEqual([
    { payee, open: true },
    { payee: other, open: false },
  ]);
  await tab.close();
});
