import { LIVE } from "@tabcast/market";
import { ProtocolError } from "@tabcast/protocol";
import { type Clock, type Millis, systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { type Dropped, FloodError, openRateLimiter } from "./rate-limiter.ts";

function limiter() {
  let now = 0;
  const clock: Clock = { ...systemClock, now: () => now as Millis };
  const told: Dropped[] = [];
  return {
    ...openRateLimiter({ clock }, LIVE, (dropped) => void told.push(dropped)),
    told,
    wait: (ms: number) => {
      now += ms;
    },
  };
}

test("a peer that floods bids is limited and then cut off, and nobody else is", () => {
  const { pass, drops, told, wait } = limiter();
  const { burst, patience } = LIVE.rates.bid;
  const cut: boolean[] = [];
  for (let i = 0; i < 100; i++)
    try {
      pass("bid", "flooder");
    } catch (error) {
      cut.push((error as FloodError).reason.cut);
    }
  expect(cut).toHaveLength(100 - burst);
  expect(cut.indexOf(true)).toBe(patience - 1);
  expect(() => pass("bid", "other")).not.toThrow();
  expect(drops()).toEqual({ flooding: 100 - burst });
  expect(told).toHaveLength(1); // a flood is told once a second, and counted in full
  wait(LIVE.rates.bid.cutMs - 1);
  expect(() => pass("bid", "flooder")).toThrow(FloodError);
  wait(2_000);
  expect(() => pass("bid", "flooder")).not.toThrow();
});

test("a refused message is counted by its reason, and one that failed by nobody's fault is not", () => {
  const { refused, dropped, drops, told } = limiter();
  refused("bid", "a", new ProtocolError({ code: "PROTOCOL_SIGNATURE", kind: "bid" }, "wrong"));
  refused(
    "offer",
    "a",
    new ProtocolError({ code: "PROTOCOL_STALE", kind: "offer", atMs: 9, nowMs: 1 }, "early"),
  );
  refused("bid", "a", new Error("ours"));
  dropped("offer", "b", "contradictory");
  expect(drops()).toEqual({ "mis-signed": 1, "future-dated": 1, contradictory: 1 });
  expect(told.map(({ what, reason, peer }) => [what, reason, peer])).toEqual([
    ["bid", "mis-signed", "a"],
    ["offer", "future-dated", "a"],
    ["offer", "contradictory", "b"],
  ]);
});
