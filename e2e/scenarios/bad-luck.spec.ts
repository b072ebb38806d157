import { expect, test } from "../stage.ts";

test("a link that is no stream's is refused in words", async ({ stage }) => {
  const page = await stage.open("lost viewer");
  await page.goto("/watch/not-a-stream");
  await expect(page.getByRole("alert")).toContainText("a stream id has 64 hexadecimal digits");
  await expect(page.getByRole("button", { name: "Try again" })).toBeVisible();
  await page.close();
});

test("a stream that nobody announces is said to be silent, and the page goes on listening", async ({
  stage,
}) => {
  const page = await stage.open("early viewer");
  await page.goto(`/watch/${"0123456789abcdef".repeat(4)}`);
  await expect(
    page.getByRole("status").filter({ hasText: "Nobody has announced this stream yet" }),
  ).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText("Looking for this stream")).toBeVisible();
  await page.close();
});

test("a refused camera is explained, and allowing it is enough", async ({ stage }) => {
  const page = await stage.open("shy broadcaster");
  await page.context().grantPermissions([]);
  await page.goto("/broadcast");
  await page.getByRole("radio", { name: "Camera" }).click();
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("Permission for the camera was refused");
  await expect(alert).toContainText("Allow the camera in the browser's address bar");

  await page.context().grantPermissions(["camera", "microphone"]);
  await page.getByRole("button", { name: "Try again" }).click();
  const preview = page.getByRole("region", { name: "Preview" }).getByLabel("Preview");
  await expect
    .poll(() => preview.evaluate((video: HTMLVideoElement) => video.currentTime))
    .toBeGreaterThan(0);
  await expect(alert).toHaveCount(0);
  await page.close();
});
