import { expect, test } from "vitest";
import { indexedDb } from "./indexed-db.ts";
import { persistentStorage } from "./persistence.ts";

/** Puts a person in place of the browser's own rule: nothing is answered before `answer` is called. */
function openQuestion(): { asked: () => number; answer: (allowed: boolean) => void } {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let asked = 0;
  Object.defineProperty(navigator.storage, "persisted", { value: async () => false });
  Object.defineProperty(navigator.storage, "persist", {
    value: () => {
      asked++;
      return promise;
    },
  });
  return { asked: () => asked, answer: resolve };
}

// One page, one question: these two follow each other.
const question = openQuestion();

test("books open, read and write while the question about persistent storage stays open", async () => {
  const store = await indexedDb(`tabcast-test-${Date.now()}-open-question`);
  await store.write([["lane", "1"]]);
  expect(await store.get("lane")).toBe("1");
  await store.close();
  // Asked for all the books of a page together.
  await (await indexedDb(`tabcast-test-${Date.now()}-second`)).close();
  expect(question.asked()).toBe(1);
}, 5_000);

test("the answer about persistent storage reaches whoever waits for it when it comes", async () => {
  const kept = persistentStorage();
  question.answer(true);
  expect(await kept).toBe(true);
});
