import type { Page } from "@playwright/test";
import { readPot } from "../books.ts";
import { amount, figure } from "../cast.ts";
import { expect, type Stage, test } from "../stage.ts";
import { inject } from "../wallet.ts";

/** Anvil's eighth to tenth development accounts: nobody else pays or is paid by them. */
const payer = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720";
const earner = "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f";
const pasted = "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955";

/** Fills the Broadcast page in, up to the choice of the browser's wallet. */
async function fill(page: Page): Promise<void> {
  await page.getByRole("radio", { name: "Test scene" }).click();
  await page.getByLabel("Size", { exact: true }).selectOption("640 x 360");
  const rungs = page.getByRole("group", { name: "Rungs" }).getByRole("checkbox");
  await expect(rungs).not.toHaveCount(0);
  for (const rung of await rungs.all())
    await rung.setChecked((await rung.getAttribute("aria-label")) === "240p");
  await page.getByLabel("Workers").fill("2");
  await page.getByRole("radio", { name: "A wallet in this browser" }).click();
}

/** Starts to earn; resolves when the page has measured itself and joined. */
async function start(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Start earning" }).click();
  await expect(figure(page, "Worker state")).toHaveText(/Waiting for offers|Hired|Working/, {
    timeout: 60_000,
  });
}

/** A worker paid by a browser's wallet, connected on the right network at once. */
async function earnByWallet(stage: Stage) {
  const { rpc, id: chainId } = stage.net.chain;
  const page = await stage.open("worker with a wallet");
  const wallet = await inject(page, { rpc, account: earner, chainId });
  await page.goto("/earn");
  await page.getByRole("radio", { name: "A wallet in this browser" }).click();
  await page.getByRole("button", { name: "Connect Test wallet" }).click();
  await expect(figure(page, "Wallet address")).toHaveText("0x2361…1E8f");
  await start(page);
  return { page, wallet };
}

/** A worker that has no wallet: somebody pasted an address. */
async function earnByAddress(stage: Stage): Promise<Page> {
  const page = await stage.open("worker with an address");
  await page.goto("/earn");
  await page.getByRole("radio", { name: "An address of mine" }).click();
  await page.getByLabel("Your address").fill(pasted);
  await start(page);
  return page;
}

/** Adds to the deposit of a stream that is on air, and sees that it counts. */
async function addToDeposit(page: Page): Promise<void> {
  const before = await amount(page, "Deposited");
  await page.getByText("Add to the deposit").click();
  await page.getByLabel("Add, in ETH").fill("0.01");
  await page.getByRole("button", { name: "Add 0.01 ETH" }).click();
  await expect(page.getByText("0.01 ETH more is in the pot.")).toBeVisible();
  await expect.poll(() => amount(page, "Deposited")).toBe(before + 10n ** 16n);
  expect(await amount(page, "Left")).toBeGreaterThan(before);
}

test("one prompt funds a stream, one adds to it, none comes by itself, and a wallet withdraws what it earned, to the wei", async ({
  stage,
}) => {
  test.setTimeout(240_000);
  const { chain } = stage.net;
  // Workers of other scenarios would bid.
  for (const left of [...stage.pages.values()]) await left.close();
  const { page: worker, wallet: purse } = await earnByWallet(stage);
  const other = await earnByAddress(stage);
  const page = await stage.open("paying broadcaster");
  const wallet = await inject(page, { rpc: chain.rpc, account: payer, chainId: 1 });
  await page.goto("/broadcast");
  await fill(page);
  await page.getByRole("button", { name: "Connect Test wallet" }).click();

  // The wrong network first: one button mends it.
  await page.getByRole("button", { name: /^Switch the wallet to network/ }).click();
  await expect(figure(page, "Wallet address")).toHaveText("0xa0Ee…9720");
  await expect(page.getByText(/refundable: what is not spent comes back/)).toBeVisible();
  await stage.shoot(page, "fund");

  // Then a no, which costs nothing and takes nothing off the page.
  const fund = page.getByRole("button", { name: /^Put .* in this stream's pot and go live$/ });
  await wallet.rejectNext();
  await fund.click();
  await expect(page.getByRole("alert")).toContainText("You declined in the wallet");
  expect(await wallet.prompts()).toBe(1);
  await stage.shoot(page, "fund-declined");

  await fund.click();
  await expect(figure(page, "Broadcast state")).toHaveText("On air", { timeout: 60_000 });
  expect(await wallet.prompts()).toBe(2);

  for (const one of [worker, other])
    await expect.poll(() => amount(one, "Earned"), { timeout: 60_000 }).toBeGreaterThan(0n);
  await stage.shoot(worker, "earning");
  await stage.shoot(other, "earning-address");
  await addToDeposit(page);
  expect(await wallet.prompts()).toBe(3);
  await stage.shoot(page, "broadcast-added");
  await page.getByRole("button", { name: "End stream" }).click();
  await page.getByRole("button", { name: "Skip the wait" }).click({ timeout: 60_000 });
  await expect(figure(page, "Broadcast state")).toHaveText("The stream has ended", {
    timeout: 60_000,
  });
  expect(await wallet.prompts()).toBe(3);
  expect(await purse.prompts()).toBe(0);

  const pot = await readPot(chain, payer);
  const paid = pot.lanes.reduce((sum, { claimed }) => sum + claimed, 0n);
  expect(pot.final).toBe(true);
  expect(pot.balance).toBe(0n);
  expect(pot.deposited).toBe(paid + (pot.refunded ?? 0n));
  const credit = (payee: string) => pot.lanes.find((lane) => lane.payee === payee)?.credit;
  expect(credit(earner)).toBe(await amount(worker, "Earned"));
  expect(credit(pasted)).toBe(await amount(other, "Earned"));

  const mine = credit(earner) ?? 0n;
  await expect.poll(() => amount(worker, "Ready to withdraw")).toBe(mine);
  await worker.getByRole("button", { name: "Withdraw", exact: true }).click();
  await expect(worker.getByText("Withdrawn to your address.")).toBeVisible();
  expect(await purse.prompts()).toBe(1);
  expect(await amount(worker, "Ready to withdraw")).toBe(0n);
  expect(pot.held - (await readPot(chain, payer)).held).toBe(mine);
  await stage.shoot(worker, "withdrawn");
});
