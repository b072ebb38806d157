import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import type { Rank } from "./mesh.ts";
import { CHUNK } from "./rpc.ts";
import { type Account, choose, MOST_OUT, type Out, openTurns, RATE, STALL_MS } from "./turns.ts";

const never = new AbortController().signal;
const wish = (peer: string, rank: Rank) => ({ peer, rank, size: CHUNK });
const out = (peer: string, rank: Rank, of: Partial<Out> = {}): Out => ({
  ...wish(peer, rank),
  at: 0,
  overtaken: 0,
  ...of,
});
const view = (
  waiting: ReturnType<typeof wish>[],
  { gone = [], accounts = {} }: { gone?: Out[]; accounts?: Record<string, Account> } = {},
) => ({ waiting, out: gone, accounts: new Map(Object.entries(accounts)) });
const account = (turn: number, tokens: number = RATE.burst): Account => ({ turn, tokens, at: 0 });

describe("whose turn it is", () => {
  test("goes by rank, whoever came first", () => {
    const ranks = ["stranger", "viewer", "bidder", "crew", "own"] as const;
    const all = ranks.map((rank) => wish(rank, rank));
    for (let left = all.length; left > 0; left--)
      expect(choose(view(all.slice(0, left)), 0)).toEqual({ wish: all[left - 1] });
  });

  test("goes round among the peers of a rank, however much one of them asks for", () => {
    const [a1, a2, b] = [wish("a", "viewer"), wish("a", "viewer"), wish("b", "viewer")];
    expect(choose(view([a1, a2, b], { accounts: { a: account(1) } }), 0)).toEqual({ wish: b });
    const both = { a: account(1), b: account(2) };
    expect(choose(view([a1, a2, b], { accounts: both }), 0)).toEqual({ wish: a1 });
  });

  test("waits for an own job that is leaving, and for room", () => {
    const viewer = wish("a", "viewer");
    const own = [out("worker", "own")];
    expect(choose(view([viewer], { gone: own }), 10)).toEqual({ at: STALL_MS });
    const full = Array.from({ length: Math.floor(MOST_OUT / CHUNK) }, () => out("b", "viewer"));
    expect(choose(view([viewer], { gone: full }), 10)).toEqual({ at: STALL_MS });
    expect(choose(view([viewer], { gone: full.slice(1) }), 10)).toEqual({ wish: viewer });
    expect(choose(view([wish("worker", "own")], { gone: full }), 10)).toMatchObject({
      wish: { rank: "own" },
    });
  });

  test("does not wait for peers that take nothing, one of the crew or a dozen of strangers", () => {
    const viewer = wish("a", "viewer");
    const dead = [out("worker", "own"), ...Array.from({ length: 12 }, () => out("b", "stranger"))];
    expect(choose(view([viewer], { gone: dead }), STALL_MS - 1)).toEqual({ at: STALL_MS });
    expect(choose(view([viewer], { gone: dead }), STALL_MS)).toEqual({ wish: viewer });
    const overtaken = dead.map((one) => ({ ...one, overtaken: 4 }));
    expect(choose(view([viewer], { gone: overtaken }), 10)).toEqual({ wish: viewer });
  });

  test("comes at a rate for each viewer, and at one for all strangers", () => {
    const spent = account(1, 0);
    const viewers = [wish("a", "viewer"), wish("b", "viewer")];
    expect(choose(view(viewers, { accounts: { a: spent } }), 0)).toEqual({ wish: viewers[1] });
    const strangers = [wish("c", "stranger"), wish("d", "stranger")];
    const { at = 0 } = choose(view(strangers, { accounts: { strangers: spent } }), 0);
    expect(at).toBeCloseTo((CHUNK * 1_000) / RATE.perSecond);
    const later = choose(view(strangers, { accounts: { strangers: spent } }), at + 1);
    expect(later).toEqual({ wish: strangers[0] });
    const crew = wish("a", "crew");
    expect(choose(view([crew], { accounts: { a: spent } }), 0)).toEqual({ wish: crew });
  });
});

describe("the turns of a tab", () => {
  /** A clock that stands until it is moved. */
  function virtual() {
    let now = 0;
    const wakes: { at: number; wake: () => void }[] = [];
    const clock: Clock = {
      ...systemClock,
      now: () => now as Millis,
      sleep: (ms, { signal } = {}) =>
        new Promise((resolve, reject) => {
          wakes.push({ at: now + ms, wake: resolve });
          signal?.addEventListener("abort", () => reject(signal.reason));
        }),
    };
    const pass = (ms: number) => {
      now += ms;
      for (const one of wakes.splice(0))
        if (one.at <= now) one.wake();
        else wakes.push(one);
      return new Promise(setImmediate);
    };
    return { clock, pass };
  }

  test("are given one by one as chunks leave, and one that is called back makes no room", async () => {
    const { clock, pass } = virtual();
    const turns = openTurns({ clock });
    const order: string[] = [];
    const take = async (peer: string, rank: Rank, signal = never) => {
      const leave = await turns.take(wish(peer, rank), { signal });
      order.push(peer);
      return leave;
    };
    const first = await Promise.all(["a", "b"].map((peer) => take(peer, "stranger")));
    const stop = new AbortController();
    const called = take("gone", "viewer", stop.signal);
    const [stranger, viewer] = [take("e", "stranger"), take("f", "viewer")];
    stop.abort(new Error("enough"));
    await expect(called).rejects.toThrow("enough");
    await pass(1);
    expect(order).toEqual(["a", "b"]);
    first[0]?.();
    await viewer;
    first[1]?.();
    first[1]?.(); // twice is once
    await stranger;
    expect(order.slice(2)).toEqual(["f", "e"]);
    void take("own", "own");
    await pass(1);
    expect(order.at(-1)).toBe("own");
  });

  test("do not wait again for a worker that takes nothing when others' chunks leave", async () => {
    const { clock, pass } = virtual();
    const turns = openTurns({ clock });
    await turns.take(wish("dead", "own"), { signal: never });
    await pass(STALL_MS);
    for (let i = 0; i < 3; i++) {
      const leave = await turns.take(wish("viewer", "viewer"), { signal: never });
      await pass(10);
      leave();
    }
  });

  test("come to whoever waits when nothing leaves any more", async () => {
    const { clock, pass } = virtual();
    const turns = openTurns({ clock });
    for (let i = 0; i < 2; i++) await turns.take(wish(`dead ${i}`, "stranger"), { signal: never });
    let served = false;
    void turns.take(wish("alive", "viewer"), { signal: never }).then(() => {
      served = true;
    });
    await pass(STALL_MS - 1);
    expect(served).toBe(false);
    await pass(1);
    expect(served).toBe(true);
  });
});
