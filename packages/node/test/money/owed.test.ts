/** A payer that does not pay, a chain that is away, and pages that are closed. */
import fc from "fast-check";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, type Asked, type Behind, times } from "../../../channel/test/chain-proxy.ts";
import { creditOf, laneOf, ledgerOf } from "../../../channel/test/events.ts";
import { runsOf } from "./runs.ts";
import { SEGMENT } from "./terms.ts";
import { type Ground, openGround, type Seen, WORKERS, World } from "./world.ts";

const { runs, limit, options } = runsOf(6);
const signal = AbortSignal.timeout(limit);
/** A challenge in looks, half a minute each. */
const LOOKS = 30;
/** What is left where a claim would cost more, wei: 160,000 gas at 2.5 gwei, which this chain does not reach. */
const CLAIM = 400_000_000_000_000n;

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

/** How a worker's page ends before its payer closes the pot. */
type Exit =
  /** It says goodbye, and leaves its voucher with the watchtower. */
  | "leaves"
  /** It dies: the watchtower has what it was given before. */
  | "dies"
  /** It dies, and is opened again while the pot closes. */
  | "returns"
  /** It stays open. */
  | "stays";

interface Story {
  /** Segments that each worker makes, before and after its voucher was last given away. */
  readonly work: readonly {
    readonly before: number;
    readonly after: number;
    readonly exit: Exit;
  }[];
  /**
   * The one look of the challenge at which the chain answers everything: to the pages, and to the watchtower, which waits for half of it.
   * At the look before, it answers `heard` requests and then no more.
   */
  readonly pages: number;
  readonly watchtower: number;
  readonly heard: number;
}

const story: fc.Arbitrary<Story> = fc.record({
  work: fc.array(
    fc.record({
      before: fc.constantFrom(0, 1, 1, 2, 5),
      after: fc.constantFrom(0, 1, 1),
      exit: fc.constantFrom<Exit>("leaves", "leaves", "dies", "returns", "stays"),
    }),
    { minLength: WORKERS, maxLength: WORKERS },
  ),
  pages: fc.integer({ min: 2, max: LOOKS - 2 }),
  watchtower: fc.integer({ min: LOOKS / 2 + 2, max: LOOKS - 2 }),
  heard: fc.nat(30),
});

/** The workers work, are paid by voucher, and their pages end. What each lane can be paid by whom is left, wei. */
async function work(world: World, { work }: Story): Promise<ReadonlyMap<string, bigint>> {
  const serve = async (when: "before" | "after") => {
    for (const [nth, of] of work.entries())
      for (let count = 0; count < of[when]; count++) await world.segment(nth, "ok", "pass");
  };
  await serve("before");
  await world.pass(31);
  await serve("after");
  const { net } = world.ground;
  const due = new Map<string, bigint>();
  for (const [nth, { exit }] of work.entries()) {
    const tab = world.worker(nth);
    if (exit === "leaves") await tab.leave();
    else if (exit !== "stays") await tab.crash();
    const of = world.hired[nth]?.at(-1);
    if (of === undefined) continue; // it was asked for nothing
    const key = laneOf(of);
    const alone = exit === "leaves" || exit === "dies";
    due.set(key, (alone ? world.kept.get(key) : world.caster.leftFor(key)) ?? 0n);
    // Who says goodbye leaves all of it, where a claim of it is worth its gas.
    const left = world.caster.leftFor(key);
    const { lanes } = await ledgerOf(net.rpc, net.domain, world.caster.pot.potId);
    const claimed = lanes.get(key) ?? 0n;
    if (exit === "leaves" && left - claimed > CLAIM) expect(due.get(key)).toBe(left);
  }
  return due;
}

/** Percent that a lane leaves whoever brings its voucher in the second half of a challenge: its five highest bits. */
const percentOf = (lane: number) => BigInt(Math.floor(lane / 2 ** 27));

/** What the chain itself answers. */
async function answered({ method, params }: Asked, behind: Behind): Promise<Answer> {
  try {
    return { result: await behind(method, ...params) };
  } catch (error) {
    return { error: { code: -32_000, message: String(error) } };
  }
}

/** The payer closes its pot without paying, and the chain is away but for one look. */
async function challenge(world: World, told: Story): Promise<void> {
  const { net, lines } = world.ground;
  const { config, potId } = world.caster.pot;
  await world.caster.close();
  const { chain } = world.ground;
  await chain.startClose(net.accounts[0], config, { signal });
  for (const line of Object.values(lines)) line.play(() => "hang up");
  for (const [nth, { exit }] of told.work.entries())
    if (exit === "returns") await world.worker(nth).start();
  for (let look = 0; look < LOOKS; look++) {
    for (const [name, line] of Object.entries(lines)) {
      const whole = name === "workers" ? told.pages : told.watchtower;
      line.calm();
      if (look !== whole) line.play(() => "hang up");
      if (look === whole - 1)
        line.play(times(told.heard, (asked, _, behind) => answered(asked, behind)));
    }
    await world.pass(30);
  }
  for (const line of Object.values(lines)) line.calm();
  const { closeAt } = await chain.pot(potId, { signal });
  await net.warp(Math.max(1, closeAt - (await chain.now({ signal }))));
  await chain.finalizeClose(net.accounts[2], config, { signal });
}

// Takes a minute a run on two busy cores, so that it is run on demand: RUNS=20 npm test -- money.
test.runIf(process.env.RUNS !== undefined)(
  `whoever is owed is paid, though its payer does not, its page is closed and the chain is there once, in ${runs} runs (SEED=${options.seed})`,
  async () => {
    const seen: Seen & { rescued: number } = { segments: 0, refused: 0, deaths: 0, rescued: 0 };
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const { net } = ground;
        const { chain } = ground;
        const world = new World(ground, seen);
        try {
          await world.begin(40n * SEGMENT);
          const due = await work(world, told);
          const { lanes: early } = await ledgerOf(net.rpc, net.domain, world.caster.pot.potId);
          await challenge(world, told);
          const { potId } = world.caster.pot;
          const ledger = await ledgerOf(net.rpc, net.domain, potId);
          const stranger = privateKeyToAccount(generatePrivateKey());
          await net.setBalance(stranger, 10n ** 18n);
          let got = 0n;
          for (const [key, { payee, lane }] of world.lanes) {
            const [owed, paid] = [due.get(key) ?? 0n, ledger.lanes.get(key) ?? 0n];
            expect(owed - paid).toBeLessThanOrEqual(owed > CLAIM ? 0n : CLAIM);
            if (paid > (early.get(key) ?? 0n)) seen.rescued++;
            // And it is the payee's own coin, whoever asks for it, but for the share that its lane leaves a watchtower.
            const before = await chain.balance(payee, { signal });
            if (paid > 0n) await chain.withdraw(stranger, payee, { signal });
            const coins = (await chain.balance(payee, { signal })) - before;
            expect(paid - coins).toBeLessThanOrEqual((paid * percentOf(lane)) / 100n);
            got += coins;
            expect(await creditOf(net.rpc, net.domain, payee)).toBe(0n);
          }
          expect(got + ledger.shares).toBe(ledger.paid);
        } finally {
          for (const line of Object.values(ground.lines)) line.calm();
          await world.close();
        }
      }),
      options,
    );
    if (runs >= 40) expect(seen.rescued).toBeGreaterThan(0);
  },
  limit,
);
