import type { Page } from "@playwright/test";
import { readBalance, readPot, readTokens } from "../books.ts";
import { amount, earn, figure } from "../cast.ts";
import { expect, type Stage, test } from "../stage.ts";
import { inject } from "../wallet.ts";

test.use({ currency: "USDC" });

/** Anvil's eighth development account: nobody else pays or is paid by it. */
const payer = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720";
const DEPOSIT = 5_000_000n;

/** Play dollars and play gas, as the local chain's faucet gives them. */
async function give(stage: Stage, address: string): Promise<void> {
  const { faucet = "" } = stage.net.config.chain;
  const answer = await fetch(faucet, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ address }),
  });
  expect(answer.ok).toBe(true);
}

/** The lines of a page that name the chain's coin or its parts. */
async function inCoins(page: Page): Promise<readonly string[]> {
  // biome-ignore lint/performance/useDomNodeTextContent: lines are those that a person sees, and hidden words are not theirs
  const text = await page.getByRole("main").innerText();
  return text.split("\n").filter((line) => /\b(ETH|g?wei)\b/i.test(line));
}

/** Fills the Broadcast page in, up to the wallet, which is connected. */
async function fill(page: Page): Promise<void> {
  await page.goto("/broadcast");
  await page.getByRole("radio", { name: "Test scene" }).click();
  await page.getByLabel("Size", { exact: true }).selectOption("640 x 360");
  const rungs = page.getByRole("group", { name: "Rungs" }).getByRole("checkbox");
  await expect(rungs).not.toHaveCount(0);
  for (const rung of await rungs.all())
    await rung.setChecked((await rung.getAttribute("aria-label")) === "240p");
  await page.getByLabel("Workers").fill("1");
  await page.getByRole("radio", { name: "A wallet in this browser" }).click();
  await page.getByRole("button", { name: "Connect Test wallet" }).click();
  await expect(figure(page, "Wallet address")).toHaveText("0xa0Ee…9720");
}

/** The play money that this page was given is in its gas purse: with it a deposit is one signature, without it one dialog more. */
async function payGasFromPurse(page: Page): Promise<void> {
  const asked = page.getByRole("list", { name: "What your wallet will ask" }).getByRole("listitem");
  const purse = page.getByLabel("This browser's gas purse pays the gas");
  const sign = "Sign: move $5.00 into the pot. Signing costs nothing.";
  await expect(purse).toBeChecked();
  await expect(asked).toHaveText([sign]);
  await purse.uncheck();
  await expect(asked).toHaveText([sign, /^Confirm: send a little ETH for the stream's gas/]);
  await purse.check();
  await expect(asked).toHaveText([sign]);
  // The coin is named where gas is meant, and nowhere else.
  for (const line of await inCoins(page)) expect(line).toMatch(/gas|^[\d.,]+ ETH$/);
}

test("a stream is paid in dollars by one signature and no transaction of the wallet, to the last part", async ({
  stage,
}) => {
  test.setTimeout(180_000);
  const { chain } = stage.net;
  const worker = await earn(stage, "dollar worker");
  await expect(figure(worker.page, "Earned")).toHaveText("$0.00");
  await give(stage, payer);
  const before = { tokens: await readTokens(chain, payer), coins: await readBalance(chain, payer) };

  const page = await stage.open("dollar broadcaster");
  const wallet = await inject(page, { rpc: chain.rpc, account: payer, chainId: chain.id });
  await fill(page);
  await expect(figure(page, "What the wallet has")).toContainText(
    "This wallet has $30,000.00, and",
  );
  await payGasFromPurse(page);
  await stage.shoot(page, "dollars-fund");

  await page.getByRole("button", { name: "Put $5.00 in this stream's pot and go live" }).click();
  await expect(figure(page, "Broadcast state")).toHaveText("On air", { timeout: 60_000 });
  expect(await readTokens(chain, payer)).toBe(before.tokens - DEPOSIT);
  await expect(figure(page, "Deposited")).toHaveText("$5.00");
  await expect.poll(() => amount(worker.page, "Earned"), { timeout: 60_000 }).toBeGreaterThan(0n);
  await expect(figure(worker.page, "Earned")).toHaveText(/^([\d.]+ ¢|\$\d+\.\d\d)$/);
  expect(await inCoins(page)).toEqual([]);
  expect(await inCoins(worker.page)).toEqual([]);
  await stage.shoot(page, "dollars-on-air");
  await stage.shoot(worker.page, "dollars-earning");

  await page.getByRole("button", { name: "End stream" }).click();
  await page.getByRole("button", { name: "Skip the wait" }).click({ timeout: 60_000 });
  await expect(figure(page, "Broadcast state")).toHaveText("The stream has ended", {
    timeout: 60_000,
  });
  await expect(figure(page, "Settlement")).toHaveText("Deposited is exactly paid plus refunded.");
  expect(await inCoins(page)).toEqual([]);
  await stage.shoot(page, "dollars-ended");

  // One signature, and the wallet's coins are untouched.
  expect(await wallet.signings()).toBe(1);
  expect(await wallet.prompts()).toBe(0);
  expect(await readBalance(chain, payer)).toBe(before.coins);
  const pot = await readPot(chain, payer);
  const paid = pot.lanes.reduce((sum, { claimed }) => sum + claimed, 0n);
  expect(pot).toMatchObject({ final: true, balance: 0n, deposited: DEPOSIT });
  expect(paid + (pot.refunded ?? 0n)).toBe(DEPOSIT);
  expect(await readTokens(chain, payer)).toBe(before.tokens - paid);

  // The worker's books, the contract and its wallet agree.
  const [lane] = pot.lanes;
  const payee = lane?.payee ?? "0x";
  expect(lane?.credit).toBe(await amount(worker.page, "Earned"));
  await expect.poll(() => amount(worker.page, "Ready to withdraw")).toBe(paid);
  const held = await readTokens(chain, payee);
  await worker.page.getByRole("button", { name: "Withdraw", exact: true }).click();
  await expect(worker.page.getByText("Withdrawn to your address.")).toBeVisible();
  expect((await readTokens(chain, payee)) - held).toBe(paid);
  expect((await readPot(chain, payer)).held).toBe(0n);
});
