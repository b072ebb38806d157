import { readBalance, readPot } from "../books.ts";
import {
  amount,
  appended,
  type Begun,
  type Broadcaster,
  begins,
  crasher,
  deliveries,
  type Earner,
  earn,
  figure,
  goLive,
  hired,
  line,
  now,
  plays,
  seen,
  shown,
  told,
  type Watcher,
  watch,
} from "../cast.ts";
import { expect, test } from "../stage.ts";

test.describe.configure({ mode: "serial" });

/** The length of a segment: the longest that a viewer may have to look at one frame when a worker goes. */
const SEGMENT_MS = 2_000;
const rungs = [
  { rung: "240p", height: 240 },
  { rung: "360p", height: 360 },
];

/** Everybody who ever worked, in order of arrival. */
const workers: Earner[] = [];
/** Workers that are gone, with what their pages last said that they had earned. */
const gone = new Map<Earner, bigint>();
let broadcaster: Broadcaster;
let viewer: Watcher;

const here = () => workers.filter((worker) => !gone.has(worker));
const names = (some: readonly Earner[]) => some.map(({ peer }) => peer);

/** The next of these to begin a segment: which of them that is, the broadcaster decides anew each time. */
async function nextToBegin(of = here()): Promise<{ busy: Earner; other: Earner } & Begun> {
  const all = here();
  const begun = of.map(async (busy) => ({ busy, ...(await begins(busy)) }));
  // The other one's page may be gone before it begins another.
  for (const one of begun) one.catch(() => undefined);
  const { busy, ...first } = await Promise.race(begun);
  const other = all.find((worker) => worker !== busy);
  if (other === undefined) throw new Error(`nobody could take over from ${busy.name}`);
  return { busy, other, ...first };
}

test("two worker tabs make every rung, and a viewer's picture advances through both", async ({
  stage,
}) => {
  for (const name of ["first worker", "second worker"]) workers.push(await earn(stage, name));
  broadcaster = await goLive(stage, {
    title: "Two rungs",
    size: "640 x 360",
    rungs: rungs.map(({ rung }) => rung),
    workers: 2,
    ether: "0.05",
  });
  await Promise.all(workers.map(hired));
  viewer = await watch(stage, broadcaster.link);
  for (const { rung, height } of rungs) await plays(viewer, { rung, height, seconds: 4 });

  // While five pages start on two cores, a segment may come late; from here on none may.
  const from = Math.max(...(await told(broadcaster)).map(({ seq }) => seq));
  const since = async () => (await told(broadcaster)).filter(({ seq }) => seq > from);
  await expect.poll(async () => (await since()).length, { timeout: 60_000 }).toBeGreaterThan(5);
  for (const { worker, verified } of await since()) {
    expect(names(workers)).toContain(worker);
    expect(verified).toBe("2 of 2");
  }
});

test("every byte that reached the viewer's decoder was checked, and workers delivered the rungs", async () => {
  const peers = names(workers);
  const sources = await deliveries(viewer);
  for (const { rung } of rungs)
    expect(
      peers.some((peer) => sources.get(peer)?.includes(rung)),
      `a worker delivered ${rung}: ${JSON.stringify([...sources])}`,
    ).toBe(true);
  // Beside them the broadcaster, and who follows the stream: here nobody but the broadcaster's visitor, under one id or two.
  const others = [...sources.keys()].filter(
    (peer) => !peers.includes(peer) && peer !== broadcaster.peer,
  );
  expect(others.length, `others delivered: ${others}`).toBeLessThanOrEqual(2);
  const decoded = await appended(viewer);
  const text = (await figure(viewer.page, "Bytes checked").textContent()) ?? "";
  const [, value, unit] = /^([\d.,]+) (B|kB|MB)$/.exec(text) ?? [];
  const factor = { B: 1, kB: 1e3, MB: 1e6 }[unit ?? ""] ?? Number.NaN;
  // The page rounds to a tenth of its unit.
  const checked = (Number(value?.replace(",", "")) + 0.05) * factor;
  expect(decoded).toBeGreaterThan(100_000);
  expect(checked, `${text} checked, ${decoded} bytes decoded`).toBeGreaterThanOrEqual(decoded);
  await expect(viewer.page.getByText(/refused, asked elsewhere/)).toHaveCount(0);
});

test("the four pages can be looked at while they are live", async ({ stage }) => {
  const { busy: worker } = await nextToBegin();
  await stage.shoot(viewer.page, "watch");
  await stage.shoot(broadcaster.page, "broadcast");
  await stage.shoot(worker.page, "earn");
  await worker.page.getByRole("link", { name: "Network", exact: true }).click();
  await expect(worker.page.getByRole("region", { name: "Peer table" })).toBeVisible();
  await stage.shoot(worker.page, "network");
  await worker.page.getByRole("link", { name: "Earn" }).click();
  await hired(worker);
});

/**
 * Resolves when the newest segments came at once from whom they were first sent to. A page that starts on two busy cores makes
 * everything late for a while: what is missed then is not the doing of whoever leaves.
 */
async function calm(): Promise<void> {
  const late = async () =>
    (await told(broadcaster))
      .slice(0, 3)
      .filter(({ after, tookMs }) => after !== undefined || !(tookMs < SEGMENT_MS / 2));
  await expect.poll(late, { timeout: 60_000 }).toEqual([]);
}

/** Lets one of these workers go in the middle of a segment and follows what becomes of that segment and of the viewer. */
async function loses(
  ready: (leaver: Earner) => Promise<() => Promise<void>>,
  leavers = here(),
): Promise<void> {
  const ways = new Map(
    await Promise.all(here().map(async (one) => [one, await ready(one)] as const)),
  );
  await calm();
  const { busy: leaver, other, seq, earned } = await nextToBegin(leavers);
  const [at] = await Promise.all([now(viewer), ways.get(leaver)?.()]);
  gone.set(leaver, earned);

  const row = line(broadcaster, seq);
  await expect(
    row.getByText(`after ${leaver.peer}`),
    "the broadcaster names who had it",
  ).toBeVisible({
    timeout: 30_000,
  });
  // The other worker, or the broadcaster itself as the last resort.
  await expect(row).toContainText(new RegExp(`${other.peer}|this tab`));
  await expect(row).toContainText("2 of 2");

  const fates: string[] = [];
  for (let one = seq; one < seq + 4; one++) fates.push(await shown(viewer, one));
  const { stillMs, jumpS, backwards, frames } = await seen(viewer, at);
  const lines = await told(broadcaster);
  const taker = lines.find((one) => one.seq === seq)?.worker;
  test.info().annotations.push({
    type: "measured",
    description: `${leaver.name} gone in segment ${seq}, made by ${taker === other.peer ? `the ${other.name}` : taker}: longest still ${stillMs} ms over ${frames} frames, largest step ${jumpS.toFixed(2)} s, segments ${fates.join(", ")}; made in ${lines
      .filter((one) => one.seq >= seq - 1 && one.seq < seq + 4)
      .map((one) => `${one.seq}: ${one.tookMs} ms`)
      .join(", ")}`,
  });
  console.log(test.info().annotations.at(-1)?.description);
  await expect
    .poll(async () =>
      (await told(broadcaster)).filter((one) => one.seq > seq).map(({ worker }) => worker),
    )
    .toContain(other.peer);
  for (const fate of fates) expect(fate).toMatch(/^(\d+p|gap|missing)$/);
  expect(backwards).toBe(0);
  expect(stillMs).toBeLessThanOrEqual(SEGMENT_MS);
}

test("a worker tab that crashes in mid-segment costs the viewer at most one segment", async ({
  stage,
}) => {
  await loses((leaver) => crasher(stage, leaver));
});

test("after the relay restarts, a new worker tab joins and is hired", async ({ stage }) => {
  const { net } = stage;
  const before = net.relay();
  const pardon = stage.excuse({
    pattern: /wrote: WebSocket connection to 'ws:\/\/127\.0\.0\.1.* failed/,
    reason: "browsers write this themselves when a page dials a relay that is down for a moment",
  });
  await net.restartRelay();
  expect(net.relay().id).toBe(before.id);
  expect(net.relay().addrs).toEqual(before.addrs);
  const third = await earn(stage, "third worker");
  workers.push(third);
  await hired(third);
  for (const { page } of [broadcaster, viewer, ...here()])
    await expect(figure(page, "Network state")).toHaveText(/^Connected to 1 relay/, {
      timeout: 60_000,
    });
  pardon();
});

test("a worker tab that is closed in mid-segment costs as little, and the one that came after the restart delivers", async () => {
  const third = workers.at(-1);
  await loses(
    async ({ page }) =>
      () =>
        page.close(),
    here().filter((worker) => worker !== third),
  );
  expect((await told(broadcaster)).map(({ worker }) => worker)).toContain(third?.peer);
});

test("the books balance on chain to the wei", async ({ stage }) => {
  const { chain } = stage.net;
  const { page } = broadcaster;
  await page.getByRole("button", { name: "End stream" }).click();
  await page.getByRole("button", { name: "Skip the wait" }).click({ timeout: 60_000 });
  await expect(figure(page, "Broadcast state")).toHaveText("The stream has ended", {
    timeout: 60_000,
  });
  await expect(figure(page, "Settlement")).toHaveText("Deposited is exactly paid plus refunded.");
  await expect(viewer.page.getByText("The stream has ended")).toBeVisible({ timeout: 60_000 });

  const pot = await readPot(chain);
  const paid = pot.lanes.reduce((sum, { claimed }) => sum + claimed, 0n);
  expect(pot.final).toBe(true);
  expect(pot.balance).toBe(0n);
  expect(pot.deposited).toBe(50_000_000_000_000_000n);
  expect(pot.deposited).toBe(paid + (pot.refunded ?? 0n));
  // Nobody has withdrawn but the payer, so the contract holds the workers' credits and nothing else.
  expect(pot.held).toBe(paid);
  expect(await amount(page, "Deposited on chain")).toBe(pot.deposited);
  expect(await amount(page, "Paid on chain")).toBe(paid);
  expect(await amount(page, "Refunded")).toBe(pot.refunded);

  let lanes = 0;
  for (const worker of workers) {
    const lane = pot.lanes.find(({ payee }) => short(payee) === worker.payee);
    const claimed = lane?.claimed ?? 0n;
    if (lane !== undefined) {
      lanes++;
      expect(lane.credit).toBe(claimed);
      expect(await amount(page, `Earned by ${worker.peer}`)).toBe(claimed);
    }
    const said = gone.get(worker);
    // A page that is gone may not have heard of its last voucher; the broadcaster pays it all the same.
    if (said === undefined) expect(await amount(worker.page, "Earned")).toBe(claimed);
    else expect(claimed).toBeGreaterThanOrEqual(said);
  }
  expect(lanes).toBe(pot.lanes.length);
  expect(lanes).toBeGreaterThan(1);
  await stage.shoot(page, "broadcast-settled");
});

test("a worker withdraws to an address of its choice, and its history says so", async ({
  stage,
}) => {
  const { chain } = stage.net;
  const elsewhere = "0x000000000000000000000000000000000000c0Fe";
  const [worker] = here();
  if (worker === undefined) throw new Error("no worker is left");
  const { page } = worker;
  await expect.poll(() => amount(page, "Ready to withdraw")).toBeGreaterThan(0n);
  const credit = await amount(page, "Ready to withdraw");
  const withdraw = page.getByRole("button", { name: "Withdraw", exact: true });

  await page.getByText("Withdraw to another address").click();
  const to = page.getByLabel("Withdraw to", { exact: true });
  await to.fill("0x1234");
  await expect(page.getByText("this has 6 characters")).toBeVisible();
  await expect(withdraw).toBeDisabled();
  await to.fill(elsewhere);
  await withdraw.click();
  await expect(page.getByText(`Withdrawn to ${short(elsewhere)}.`)).toBeVisible();
  expect(await readBalance(chain, elsewhere)).toBe(credit);
  expect(await amount(page, "Ready to withdraw")).toBe(0n);

  await page.getByText("What happened on the chain").click();
  const lines = page.getByRole("region", { name: "Money history" }).getByRole("listitem");
  await expect(lines).toHaveCount(2);
  await expect(lines.first()).toContainText(`Withdrawn to ${short(elsewhere)}`);
  await expect(lines.last()).toContainText("Earned: the broadcaster paid it at the end");
  await stage.shoot(page, "earn-withdrawn");
});

const short = (address: string) => `${address.slice(0, 6)}…${address.slice(-4)}`;
