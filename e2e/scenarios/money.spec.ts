import type { Page } from "@playwright/test";
import { readPot } from "../books.ts";
import { amount, earn, figure, hired } from "../cast.ts";
import { expect, test } from "../stage.ts";
import { inject } from "../wallet.ts";

/** Anvil's ninth development account: no other scenario pays from it. */
const payer = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720";

/** Fills the Broadcast page in, up to the choice of the browser's wallet. */
async function fill(page: Page): Promise<void> {
  await page.getByRole("radio", { name: "Test scene" }).click();
  await page.getByLabel("Size", { exact: true }).selectOption("640 x 360");
  for (const rung of await page.getByRole("group", { name: "Rungs" }).getByRole("checkbox").all())
    await rung.setChecked((await rung.getAttribute("aria-label")) === "240p");
  await page.getByLabel("Workers").fill("1");
  await page.getByRole("radio", { name: "A wallet in this browser" }).click();
}

const fund = (page: Page) =>
  page.getByRole("button", { name: /^Put .* in this stream's pot and go live$/ });

test("one prompt funds a stream, none comes while it runs, and a worker withdraws what it earned, to the wei", async ({
  stage,
}) => {
  const { chain } = stage.net;
  const worker = await earn(stage, "paid worker");
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

  // Then a no.
  await wallet.rejectNext();
  await fund(page).click();
  await expect(page.getByRole("alert")).toContainText("You declined in the wallet");
  expect(await wallet.prompts()).toBe(1);
  await stage.shoot(page, "fund-declined");

  await fill(page);
  const again = page.getByRole("button", { name: "Connect Test wallet" });
  await expect(again.or(figure(page, "Wallet address"))).toBeVisible();
  if (await again.isVisible()) await again.click();
  await fund(page).click();
  await expect(figure(page, "Broadcast state")).toHaveText("On air", { timeout: 60_000 });
  expect(await wallet.prompts()).toBe(2);

  await hired(worker);
  await expect
    .poll(() => amount(worker.page, "Not claimed yet"), { timeout: 60_000 })
    .toBeGreaterThan(0n);
  await stage.shoot(worker.page, "earning");
  await page.getByRole("button", { name: "End stream" }).click();
  await page.getByRole("button", { name: "Skip the wait" }).click({ timeout: 60_000 });
  await expect(figure(page, "Broadcast state")).toHaveText("The stream has ended", {
    timeout: 60_000,
  });
  expect(await wallet.prompts()).toBe(2);

  const pot = await readPot(chain, payer);
  const paid = pot.lanes.reduce((sum, { claimed }) => sum + claimed, 0n);
  expect(pot.final).toBe(true);
  expect(pot.balance).toBe(0n);
  expect(pot.deposited).toBe(paid + (pot.refunded ?? 0n));
  expect(pot.lanes).toHaveLength(1);
  expect(pot.lanes[0]?.credit).toBe(paid);
  expect(paid).toBeGreaterThan(0n);
  expect(await amount(worker.page, "Earned")).toBe(paid);

  await expect.poll(() => amount(worker.page, "Ready to withdraw")).toBe(paid);
  await worker.page.getByRole("button", { name: "Withdraw" }).click();
  await expect(worker.page.getByText("Withdrawn to your address.")).toBeVisible();
  await expect.poll(() => amount(worker.page, "Ready to withdraw")).toBe(0n);
  const after = await readPot(chain, payer);
  expect(after.lanes[0]?.credit).toBe(0n);
  expect(pot.held - after.held).toBe(paid);
  await stage.shoot(worker.page, "withdrawn");
  await worker.page.close();
  await page.close();
});
