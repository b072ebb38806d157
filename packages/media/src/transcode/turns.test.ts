import { expect, test } from "vitest";
import { type Turn, Turns } from "./turns.ts";

/** Lets everything that can go on go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Jobs of one line; `order` lists who got the turn. */
function line(names: readonly string[]) {
  const turns = new Turns();
  const order: string[] = [];
  const jobs = new Map<string, Turn>(names.map((name) => [name, turns.claim()]));
  const of = (name: string) => jobs.get(name) as Turn;
  return {
    order,
    take: (name: string) =>
      void of(name)
        .take()
        .then(() => order.push(name)),
    give: (name: string) => of(name).give(),
  };
}

test("one job works at a time, in the order they asked", async () => {
  const { order, take, give } = line(["a", "b", "c"]);
  for (const name of ["b", "c", "a"]) take(name);
  await settled();
  expect(order).toEqual(["b"]);
  give("b");
  await settled();
  expect(order).toEqual(["b", "c"]);
  give("c");
  await settled();
  expect(order).toEqual(["b", "c", "a"]);
});

test("a job that gives up its turn and asks again waits behind all others", async () => {
  const { order, take, give } = line(["a", "b"]);
  take("a");
  take("b");
  await settled();
  give("a");
  take("a");
  await settled();
  expect(order).toEqual(["a", "b"]);
  give("b");
  await settled();
  expect(order).toEqual(["a", "b", "a"]);
});

test("a job that takes the turn it has, or gives one it does not have, changes nothing", async () => {
  const { order, take, give } = line(["a", "b"]);
  take("a");
  take("a");
  take("b");
  give("b"); // leaves the line
  await settled();
  expect(order).toEqual(["a", "a"]);
  give("a");
  give("a");
  await settled();
  expect(order).toEqual(["a", "a"]);
  take("b");
  await settled();
  expect(order).toEqual(["a", "a", "b"]);
});

test("a stream with many jobs delays another's by one of them", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const take = (name: string) => {
    const turn = turns.claim(name[0]);
    void turn.take().then(() => order.push(name));
    return turn;
  };
  const held = ["a1", "a2", "a3", "a4"].map(take);
  const [b1, c1] = [take("b1"), take("c1")];
  const [a1, a2] = held as [Turn, Turn];
  for (const turn of [a1, b1, c1, a2]) {
    await settled();
    turn.give();
  }
  await settled();
  expect(order).toEqual(["a1", "b1", "c1", "a2", "a3"]);
});
