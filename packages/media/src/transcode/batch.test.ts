import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Made } from "../types.ts";
import { batch } from "./batch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const made = (rung: number, at: number, ...bytes: number[]): Made => ({
  rung,
  at,
  bytes: Uint8Array.from(bytes),
});

test("samples go on in one piece for each rung, 50 ms after the first", () => {
  const told: Made[] = [];
  const { add } = batch((one) => told.push(one));
  add(made(0, 0, 1, 2));
  add(made(1, 0, 9));
  add(made(0, 2, 3));
  vi.advanceTimersByTime(49);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual([made(0, 0, 1, 2, 3), made(1, 0, 9)]);
  add(made(0, 3, 4));
  vi.advanceTimersByTime(50);
  expect(told.slice(2)).toEqual([made(0, 3, 4)]);
});

test("the rest of the samples goes on at once when it is asked for, and nothing twice", () => {
  const told: Made[] = [];
  const { add, flush } = batch((one) => told.push(one));
  add(made(0, 0, 1));
  flush();
  flush();
  vi.advanceTimersByTime(100);
  expect(told).toEqual([made(0, 0, 1)]);
});

test("samples that wait of an encoder that was replaced are dropped", () => {
  const told: Made[] = [];
  const { add, flush } = batch((one) => told.push(one));
  add(made(0, 0, 1));
  add(made(0, 0, 7));
  add(made(0, 1, 8));
  flush();
  expect(told).toEqual([made(0, 0, 7, 8)]);
});
