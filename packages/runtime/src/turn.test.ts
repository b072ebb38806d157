import { expect, test } from "vitest";
import { nextTurn } from "./turn.ts";

test("a turn comes after what was due before it, which promises alone would keep waiting", async () => {
  const order: string[] = [];
  const due = new Promise<void>((resolve) => {
    setTimeout(() => {
      order.push("timer");
      resolve();
    });
  });
  for (let promise = 0; promise < 1_000; promise++) await undefined;
  order.push("promises");
  while (!order.includes("timer")) await nextTurn();
  order.push("turns");
  await due;
  expect(order).toEqual(["promises", "timer", "turns"]);
});
