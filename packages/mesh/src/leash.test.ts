import { expect, test } from "vitest";
import { leash } from "./leash.ts";

/** Counts who listens to a signal. */
function watched() {
  const owner = new AbortController();
  const { signal } = owner;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  signal.addEventListener = (
    type: string,
    on: EventListener,
    options?: AddEventListenerOptions,
  ) => {
    listeners++;
    options?.signal?.addEventListener("abort", () => listeners--, { once: true });
    add(type, on, options);
  };
  return { owner, signal, listeners: () => listeners };
}

test("follows whichever fires first, with its reason", () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const { signal } = leash(a.signal, b.signal);
  expect(signal.aborted).toBe(false);
  const why = new Error("enough");
  b.abort(why);
  a.abort();
  expect(signal.reason).toBe(why);
});

test("one that has fired already is followed too", () => {
  const why = new Error("before");
  expect(leash(AbortSignal.abort(why)).signal.reason).toBe(why);
});

test("after its release it follows nobody, and nobody is listened to", () => {
  const { owner, signal, listeners } = watched();
  const held = leash(signal);
  expect(listeners()).toBe(1);
  held.release();
  held.release();
  expect(listeners()).toBe(0);
  owner.abort();
  expect(held.signal.aborted).toBe(false);
});
