import { figure, goLive, hired } from "../cast.ts";
import { expect, test } from "../stage.ts";
import { inject } from "../wallet.ts";

const more = "More settings";

test("a worker keeps to what its owner set: hours, a deny list, and what is changed while it works", async ({
  stage,
}) => {
  test.setTimeout(240_000);
  for (const left of [...stage.pages.values()]) await left.close();
  const onAir = await goLive(stage, {
    title: "Not for everybody",
    size: "640 x 360",
    rungs: ["240p"],
    workers: 1,
    ether: "0.01",
  });
  const stream = onAir.link.split("/").at(-1) ?? "";

  // What cannot be is said below its field, and nothing starts.
  const page = await stage.open("worker with settings");
  await page.goto("/earn");
  await expect(page.getByLabel("Play money address")).toHaveText(/^0x/);
  await page.getByText(more).click();
  const start = page.getByRole("button", { name: "Start earning" });
  await page.getByLabel("Hours", { exact: true }).fill("at night");
  await expect(page.getByText(/^Must be hours such as/)).toBeVisible();
  await expect(start).toBeDisabled();

  // Yesterday's weekday alone: whatever the time is, it is outside.
  const yesterday = await page.evaluate(() =>
    new Date(Date.now() - 86_400_000).toLocaleDateString("en", { weekday: "short" }),
  );
  await page.getByLabel("Hours", { exact: true }).fill(`${yesterday} 1:00-2:00`);
  await page.getByLabel("Never work for").fill(stream);
  await page.getByLabel("Price of an hour, in ETH").fill("0.00005");
  await page.getByLabel("Jobs at once").selectOption("2");
  await stage.shoot(page, "earn-settings");
  await start.click();
  const state = figure(page, "Worker state");
  await expect(state).toHaveText("Resting: it is outside the hours you set.", { timeout: 60_000 });

  // Once its hours are gone it hears the offer, and lets it pass.
  await page.getByText(more).click();
  await page.getByLabel("Hours", { exact: true }).fill("");
  await page.getByRole("button", { name: "Save settings" }).click();
  await expect(state).toHaveText("Waiting for offers. The last one is not for this tab.", {
    timeout: 60_000,
  });

  // What was set is there again after a reload.
  await page.reload();
  await expect(page.getByLabel("Play money address")).toHaveText(/^0x/);
  await page.getByText(more).click();
  await expect(page.getByLabel("Never work for")).toHaveValue(stream);
  await expect(page.getByLabel("Hours", { exact: true })).toHaveValue("");
  await expect(page.getByLabel("Price of an hour, in ETH")).toHaveValue("0.00005");
  await page.getByText("The exact price").click();
  await expect(page.getByLabel("Price of a gigapixel, in ETH")).toHaveValue("0.000000502346965021");
  await expect(page.getByLabel("Jobs at once")).toHaveValue("2");

  // And without the name on its list it works for the stream.
  await page.getByLabel("Never work for").fill("");
  await start.click();
  await hired({ name: "worker with settings", page, peer: "", payee: "" });
  await onAir.page.getByRole("button", { name: "End stream" }).click();
});

test("a broadcaster's private crew is hired by its token alone", async ({ stage }) => {
  test.setTimeout(240_000);
  for (const left of [...stage.pages.values()]) await left.close();
  let token = "";
  const onAir = await goLive(stage, {
    title: "Among friends",
    size: "640 x 360",
    rungs: ["240p"],
    workers: 1,
    ether: "0.01",
    async prepare(page) {
      await page.getByText("Whom to hire").click();
      await page.getByRole("button", { name: "Make a token" }).click();
      token = await page.getByLabel("Private crew").inputValue();
      expect(token).toMatch(/^[0-9a-f]{32}$/);
      await stage.shoot(page, "broadcast-hiring");
    },
  });
  const page = await stage.open("worker of a crew");
  await page.goto("/earn");
  await expect(page.getByLabel("Play money address")).toHaveText(/^0x/);
  await page.getByRole("button", { name: "Start earning" }).click();
  await expect(figure(page, "Worker state")).toHaveText(
    "Waiting for offers. The last one is not for this tab.",
    { timeout: 60_000 },
  );
  await page.getByRole("button", { name: "Stop earning" }).click();
  await page.getByText(more).click();
  await page.getByLabel("Private crews").fill(token);
  await page.getByRole("button", { name: "Start earning" }).click();
  await hired({ name: "worker of a crew", page, peer: "", payee: "" });
  await onAir.page.getByRole("button", { name: "End stream" }).click();
});

test("a wallet signs once that its address is the worker's, and work goes on where it declines", async ({
  stage,
}) => {
  const { rpc, id: chainId } = stage.net.chain;
  const page = await stage.open("worker that signs");
  // Anvil's seventh development account.
  const account = "0x976EA74026E726554dB657fA54763abd0C3a0aa9";
  const wallet = await inject(page, { rpc, account, chainId });
  const choose = async () => {
    await page.goto("/earn");
    await page.getByRole("radio", { name: "A wallet in this browser" }).click();
    await page.getByRole("button", { name: "Connect Test wallet" }).click();
  };
  await choose();
  const sign = page.getByRole("button", { name: "Sign that this address is yours" });
  await wallet.rejectNext();
  await sign.click();
  await expect(page.getByText(/^Not signed. It works without/)).toBeVisible();
  await expect(page.getByRole("button", { name: "Start earning" })).toBeEnabled();
  await sign.click();
  await expect(page.getByText(/^Signed: this address/)).toBeVisible();
  expect(await wallet.signings()).toBe(2);
  expect(await wallet.prompts()).toBe(0);

  // Kept: nobody is asked again.
  await choose();
  await expect(page.getByText(/^Signed: this address/)).toBeVisible();
  expect(await wallet.signings()).toBe(0);
});
