import { expect, test } from "vitest";
import { SerialQueue } from "./serial-queue.ts";

test("works run one after another, a failure stops none", async () => {
  const queue = new SerialQueue();
  const first = Promise.withResolvers<string>();
  const log: string[] = [];
  const failing = queue.run(() => first.promise);
  const second = queue.run(async () => log.push("second"));
  await Promise.resolve();
  expect(log).toEqual([]);
  first.reject(new Error("lost"));
  await expect(failing).rejects.toThrow("lost");
  await second;
  expect(log).toEqual(["second"]);
  await queue.idle();
});
