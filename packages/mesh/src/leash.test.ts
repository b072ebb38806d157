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

test("a leash follows whichever signal fires first, with its reason", () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const { signal } = leash(a.signal, b.signal);
  expect(signal.aborted).toBe(false);
  const why = new Error("enough");
  b.abort(why);
  a.abort();
  expect(signal.reason).toBe(why);
});

test("a leash follows a signal that has fired already", () => {
  const why = new Error("before");
  expect(leash(AbortSignal.abort(why)).signal.reason).toBe(why);
});

test("a released leash follows no signal, and leaves no listener on one", () => {
  const { owner, signal, listeners } = watched();
  const held = leash(signal);
  expect(listeners()).toBe(1);
  held.release();
  held.release();
  expect(listeners()).toBe(0);
  owner.abort();
  expect(held.signal.aborted).toBe(false);
});
