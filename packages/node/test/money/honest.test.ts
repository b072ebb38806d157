/** All follow the protocol, and everything else goes wrong. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { creditOf, ledgerOf } from "../../../channel/test/events.ts";
import type { Fate } from "./line.ts";
import { alone, runsOf } from "./runs.ts";
import { SEGMENT } from "./terms.ts";
import { type Ground, openGround, type Seen, WORKERS, World } from "./world.ts";

const { runs, limit, options } = runsOf(4);
const signal = AbortSignal.timeout(limit);

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

type Verdict = "ok" | "bad" | "superseded";
/** A tab's store is to die after so many operations more, before or after it has done the last. */
type Death = { readonly left: number; readonly after: boolean };
type Move =
  | {
      readonly do: "segment";
      readonly worker: number;
      readonly times: number;
      readonly verdict: Verdict;
      readonly fate: Fate;
    }
  | { readonly do: "release"; readonly at: number }
  | { readonly do: "death"; readonly worker: number | undefined; readonly death: Death }
  | { readonly do: "pass"; readonly seconds: number }
  /** A worker lives long enough for a guarantee. */
  | { readonly do: "career"; readonly worker: number }
  | { readonly do: "claim"; readonly worker: number; readonly outage: boolean }
  | { readonly do: "stream" | "leave"; readonly worker: number }
  | { readonly do: "topUp"; readonly segments: number };

const worker = fc.nat(WORKERS - 1);
const its = <T extends string>(...names: T[]) => fc.constantFrom(...names);
const verdict = its<Verdict>("ok", "ok", "ok", "ok", "bad", "superseded");
const fate = its<Fate>("pass", "pass", "pass", "hold", "hold", "lose", "twice");
const death = fc.record({ left: fc.nat(6), after: fc.boolean() });
const weighted = <T extends Move>(weight: number, arbitrary: fc.Arbitrary<T>) => ({
  weight,
  arbitrary,
});
const moves: fc.Arbitrary<Move> = fc.oneof(
  weighted(
    12,
    fc.record({ do: its("segment"), worker, times: fc.constantFrom(1, 1, 2, 4), verdict, fate }),
  ),
  weighted(3, fc.record({ do: its("release"), at: fc.nat(9) })),
  weighted(
    2,
    fc.record({ do: its("death"), worker: fc.option(worker, { nil: undefined }), death }),
  ),
  weighted(3, fc.record({ do: its("pass"), seconds: fc.constantFrom(25, 25, 61, 61, 250, 650) })),
  weighted(3, fc.record({ do: its("career"), worker })),
  weighted(2, fc.record({ do: its("claim"), worker, outage: fc.boolean() })),
  weighted(2, fc.record({ do: its("stream", "leave"), worker })),
  weighted(1, fc.record({ do: its("topUp"), segments: fc.integer({ min: 1, max: 9 }) })),
);

async function act(world: World, move: Move): Promise<void> {
  const { caster } = world;
  if (move.do === "segment") {
    let left = move.times;
    while (left-- > 0 && (await world.segment(move.worker, move.verdict, move.fate)));
  } else if (move.do === "release") caster.line.release(move.at);
  else if (move.do === "pass") await world.pass(move.seconds);
  else if (move.do === "stream") await world.hire(move.worker);
  else if (move.do === "claim") await claim(world, move);
  else if (move.do === "topUp") await caster.topUp(BigInt(move.segments) * SEGMENT);
  else if (move.do === "death") {
    const { fuse } = move.worker === undefined ? caster : world.worker(move.worker);
    Object.assign(fuse, move.death);
  } else if (move.do === "leave") {
    if (world.worker(move.worker).isOpen) await world.worker(move.worker).leave();
  } else
    for (const seconds of [25, 61, 28]) {
      await world.segment(move.worker, "ok", "pass");
      await world.pass(seconds);
    }
  await world.hand.settle();
  await world.reopen();
  world.check();
}

async function claim(world: World, move: Extract<Move, { do: "claim" }>): Promise<void> {
  const { workers } = world.ground.ways;
  const tab = world.worker(move.worker);
  if (!tab.isOpen) return;
  if (move.outage) workers.stumble(8);
  // What fails is tried again at a look, or not at all: the broadcaster pays.
  await world.hand.until(tab.purse.claim({ signal }).catch(() => true));
  workers.mend();
}

/** The stream ends, and the books are held against the contract's events. */
async function end(world: World): Promise<void> {
  const { net } = world.ground;
  await world.heal();
  world.check();
  const { caster } = world;
  const { pot } = caster;
  const settlement = await pot.settle({
    signal,
    progress(p) {
      if (p.step !== "waiting") return;
      const left = p.until - p.now;
      // To just before what is waited for, so that guarantees lapse on the way, and then over it.
      void world.ground.warp(Math.max(1, left > 120 ? left - 60 : left));
    },
  });
  const ledger = await ledgerOf(net.rpc, net.domain, pot.potId);
  expect(ledger.deposited).toBeGreaterThanOrEqual(caster.deposited);
  expect(ledger.deposited).toBeLessThanOrEqual(caster.deposited + caster.maybeDeposited);
  expect(ledger.paid + ledger.refunded).toBe(ledger.deposited);
  expect(settlement.deposited).toBe(ledger.deposited);
  for (const [key, of] of world.lanes) {
    const signed = pot.highest(of)?.cumulative ?? 0n;
    expect(ledger.lanes.get(key) ?? 0n).toBe(signed);
    expect(await creditOf(net.rpc, net.domain, of.payee)).toBe(signed);
    // What was earned and is not paid is only what the deposit did not have.
    const short = (caster.sure.get(key) ?? 0n) - signed;
    if (short > 0n) expect(ledger.refunded).toBeLessThan(short);
  }
  // To nobody else but the session key, for gas.
  for (const key of ledger.lanes.keys())
    if (!world.lanes.has(key)) expect(key).toContain(pot.config.signer.toLowerCase());
}

test(
  `honest parties: each lane ends with its highest voucher, and deposit = paid + refunded, whatever dies, is lost, lapses or leaves, in ${runs} runs (SEED=${options.seed})`,
  async () => {
    const seen: Seen & { guarantees: number } = {
      segments: 0,
      refused: 0,
      deaths: 0,
      guarantees: 0,
    };
    // Mostly less than is earned, so that guarantees stand in each other's way.
    const deposit = fc.constantFrom(3, 5, 7, 9, 12, 40);
    const story = fc.array(moves, { minLength: 10, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(
        deposit,
        story,
        alone(async (segments, all) => {
          const world = new World(ground, seen);
          try {
            await world.begin(BigInt(segments) * SEGMENT);
            for (const move of all) await act(world, move);
            await end(world);
            seen.guarantees += world.caster.reserved;
          } finally {
            await world.close();
          }
        }),
      ),
      options,
    );
    if (runs >= 40) for (const often of Object.values(seen)) expect(often).toBeGreaterThan(0);
  },
  limit,
);
