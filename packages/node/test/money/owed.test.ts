/** A payer that does not pay, a chain that is away or dear, and pages and watchtowers that are closed. */
import fc from "fast-check";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { creditOf, laneOf, ledgerOf } from "../../../channel/test/events.ts";
import { alone, runsOf } from "./runs.ts";
import { SEGMENT } from "./terms.ts";
import type { End, Way } from "./way.ts";
import { GAS, type Ground, openGround, type Seen, WORKERS, World } from "./world.ts";

const { runs, limit, options } = runsOf(6);
const signal = AbortSignal.timeout(limit);
/** Seconds between two looks of a page, and of a watchtower. */
const LOOK = 30;
/** Seconds for which a watchtower refuses by a price of gas that it asked for before. */
const PRICE_AGE = 5;
/** What is left where a claim would cost more, wei: 160,000 gas at 2.5 gwei, which this chain reaches only while it is dear. */
const CLAIM = 400_000_000_000_000n;
/** Wei for a unit of gas while it is dear: a claim costs more than all that is owed. */
const DEAR = 10n ** 12n;

let ground: Ground;
beforeAll(async () => {
  ground = await openGround();
});
afterAll(() => ground.close());

/** How a worker's page ends before its payer closes the pot. */
type Exit =
  /** It says goodbye, and leaves its voucher with the watchtowers. */
  | "leaves"
  /** It dies: the watchtowers have what they were given before. */
  | "dies"
  /** It dies, and is opened again while the pot closes. */
  | "returns"
  /** It stays open. */
  | "stays";

interface Guard {
  readonly fate:
    | "stays"
    /** It is opened only after vouchers were given away first. */
    | "comes late"
    /** It dies once the pages have ended, and is opened again while the pot closes. */
    | "returns"
    /** It dies before the pages end, or when they have. */
    | "dies early"
    | "dies";
  /** When the chain answers it, as a part of the second half of the challenge; undefined: never. */
  readonly at: number | undefined;
}

interface Story {
  /** Segments that each worker makes, before and after its voucher was first given away. */
  readonly work: readonly {
    readonly before: number;
    readonly after: number;
    readonly exit: Exit;
  }[];
  /** How things stand when vouchers are first given away. */
  readonly first: "well" | "dear" | "no watchtower has the chain";
  /** Vouchers are given away once more before the pages end. */
  readonly again: boolean;
  readonly guards: readonly Guard[];
  /** What is wrong in the challenge, but at the one look of the pages, and of each watchtower. */
  readonly trouble: "away" | "dear" | "both";
  /** When the chain answers the pages, as a part of the challenge; and those that return are open again, as a part of that. */
  readonly pages: number;
  readonly back: number;
  /** How the look before that ends where the chain is away. */
  readonly end: End;
}

const part = fc.integer({ min: 0, max: 1000 }).map((thousandths) => thousandths / 1000);
const guard = (fates: readonly Guard["fate"][], at: fc.Arbitrary<number | undefined>) =>
  fc.record({ fate: fc.constantFrom(...fates), at });
/** One that can do its work, and another that may not. */
const guards: fc.Arbitrary<readonly Guard[]> = fc
  .tuple(
    guard(["stays", "comes late", "returns", "returns"], part),
    guard(
      ["stays", "comes late", "returns", "dies early", "dies"],
      fc.option(part, { nil: undefined }),
    ),
    fc.boolean(),
  )
  .map(([one, other, swapped]) => (swapped ? [other, one] : [one, other]));

const story: fc.Arbitrary<Story> = fc.record({
  work: fc.array(
    fc.record({
      before: fc.constantFrom(0, 1, 1, 2, 5),
      after: fc.constantFrom(0, 1, 1),
      exit: fc.constantFrom<Exit>("leaves", "leaves", "dies", "returns", "stays"),
    }),
    { minLength: WORKERS, maxLength: WORKERS },
  ),
  first: fc.constantFrom<Story["first"]>("well", "well", "dear", "no watchtower has the chain"),
  again: fc.boolean(),
  guards,
  trouble: fc.constantFrom<Story["trouble"]>("away", "away", "dear", "both"),
  pages: part,
  back: part,
  end: fc.record({ answers: fc.nat(30), lost: fc.boolean() }),
});

/** What happened in all runs. */
interface SeenHere extends Seen {
  /** Lanes that were paid by a page, and by a watchtower, after the pot began to close. */
  byPage: number;
  byWatchtower: number;
  /** Goodbyes that left all with every watchtower. */
  left: number;
  /** Looks at which a claim would have cost more than it brought. */
  dear: number;
}

/** Percent that a lane leaves whoever brings its voucher in the second half of a challenge: its five highest bits. */
const percentOf = (lane: number) => BigInt(Math.floor(lane / 2 ** 27));

/** One story as it happens. */
class Telling {
  readonly world: World;
  readonly told: Story;
  readonly seen: SeenHere;
  /** What each lane can be paid by whom is left, and what the chain had paid before the pot began to close, wei. */
  readonly due = new Map<string, bigint>();
  #early: ReadonlyMap<string, bigint> = new Map();

  constructor(told: Story, seen: SeenHere) {
    this.told = told;
    this.seen = seen;
    this.world = new World(ground, seen);
  }

  async begin(): Promise<void> {
    const open = this.told.guards.map(({ fate }) => fate !== "comes late");
    await this.world.begin(40n * SEGMENT, open);
  }

  /** The workers work, and are paid by voucher; their pages end, and some watchtowers. */
  async work(): Promise<void> {
    const { world, told } = this;
    const { first } = told;
    await this.#serve("before");
    if (first === "dear") ground.gas = DEAR;
    if (first === "no watchtower has the chain")
      for (const way of ground.ways.watchtowers) way.cut();
    await world.pass(LOOK + 1);
    if (first === "well") await this.#allKept();
    ground.calm();
    await world.pass(PRICE_AGE);
    for (const [nth, { fate }] of told.guards.entries()) {
      if (fate === "comes late") await world.watchtower(nth).start();
      if (fate === "dies early") await world.watchtower(nth).crash();
    }
    await this.#serve("after");
    if (told.again) {
      await world.pass(LOOK + 1);
      if (first === "well") await this.#allKept();
    }
    for (const nth of told.work.keys()) await this.#exit(nth);
    for (const [nth, { fate }] of told.guards.entries())
      if (fate === "dies" || fate === "returns") await world.watchtower(nth).crash();
    await this.#countDue();
  }

  async #serve(when: "before" | "after"): Promise<void> {
    for (const [nth, of] of this.told.work.entries())
      for (let count = 0; count < of[when]; count++) await this.world.segment(nth, "ok", "pass");
  }

  async #exit(nth: number): Promise<void> {
    const { world } = this;
    const tab = world.worker(nth);
    const { exit } = this.told.work[nth] as Story["work"][number];
    if (exit === "leaves") {
      await tab.leave();
      if (await this.#kept(nth)) this.seen.left++;
    } else if (exit !== "stays") await tab.crash();
  }

  /** What vouchers owe a worker that the chain has not paid, wei. */
  async #open(nth: number): Promise<bigint> {
    const { caster } = this.world;
    const of = this.world.hired[nth]?.at(-1);
    if (of === undefined) return 0n;
    const { net } = ground;
    const { lanes } = await ledgerOf(net.rpc, net.domain, caster.pot.potId);
    return caster.leftFor(laneOf(of)) - (lanes.get(laneOf(of)) ?? 0n);
  }

  async #allKept(): Promise<void> {
    for (const nth of this.told.work.keys()) await this.#kept(nth);
  }

  /** Every watchtower that is open keeps all that is owed to a worker, and its page says so, where a claim of it is worth its gas. */
  async #kept(nth: number): Promise<boolean> {
    const { caster, hired, watchtowers } = this.world;
    const of = hired[nth]?.at(-1);
    if (of === undefined || (await this.#open(nth)) <= CLAIM) return false;
    const key = laneOf(of);
    const open = watchtowers.filter(({ isOpen }) => isOpen);
    for (const { kept } of open) expect(kept.get(key)).toBe(caster.leftFor(key));
    expect(this.world.worker(nth).keepers.get(caster.pot.potId)).toBe(open.length);
    return true;
  }

  /** A page that is there can claim all that was signed for it; others have what some watchtower keeps that has the chain once. */
  async #countDue(): Promise<void> {
    const { caster, hired, watchtowers } = this.world;
    const { guards, work } = this.told;
    const able = watchtowers.filter((_, nth) => {
      const { fate, at } = guards[nth] as Guard;
      return at !== undefined && fate !== "dies" && fate !== "dies early";
    });
    for (const [nth, { exit }] of work.entries()) {
      const of = hired[nth]?.at(-1);
      if (of === undefined) continue;
      const key = laneOf(of);
      const gone = exit === "leaves" || exit === "dies";
      let kept = 0n;
      for (const tab of able) if ((tab.kept.get(key) ?? 0n) > kept) kept = tab.kept.get(key) ?? 0n;
      this.due.set(key, gone ? kept : caster.leftFor(key));
    }
  }

  /** The payer closes its pot without paying, and whoever is left claims when it can. */
  async challenge(): Promise<void> {
    const { world, told } = this;
    const { net, chain, ways } = ground;
    const { config, potId } = world.caster.pot;
    await world.caster.close();
    await chain.startClose(net.accounts[0], config, { signal });
    this.#early = (await ledgerOf(net.rpc, net.domain, potId)).lanes;
    const { closeAt } = await chain.pot(potId, { signal });
    const looks = Math.floor((closeAt - (await chain.now({ signal }))) / LOOK);
    const half = Math.ceil(looks - config.challengePeriod / 2 / LOOK) + 1;
    const at = (from: number, fraction: number) => from + Math.round((looks - 2 - from) * fraction);
    const pages = at(2, told.pages);
    const back = Math.floor(pages * told.back);
    const turns = [
      { way: ways.workers, look: pages },
      ...told.guards.map(({ at: when }, nth) => ({
        way: ways.watchtowers[nth] as Way,
        look: when === undefined ? -1 : at(half, when),
      })),
    ];
    for (const [nth, { fate }] of told.guards.entries())
      if (fate === "returns") await world.watchtower(nth).start();
    for (let look = 0; look < looks; look++) {
      if (look === back)
        for (const [nth, { exit }] of told.work.entries())
          if (exit === "returns") await world.worker(nth).start();
      for (const { way, look: good } of turns) {
        if (look === good || (told.trouble === "dear" && good >= 0)) way.mend();
        else if (look === good - 1) way.fray(told.end);
        else way.cut();
      }
      const dear = told.trouble !== "away" && turns.every(({ look: good }) => look !== good);
      ground.gas = dear ? DEAR : GAS;
      await (dear ? this.#dearly() : world.pass(LOOK));
    }
    ground.calm();
    await ground.warp(Math.max(1, closeAt - (await chain.now({ signal }))));
    await chain.finalizeClose(net.accounts[2], config, { signal });
  }

  #saved(key: string): void {
    const nth = this.world.hired.findIndex((all) => all.some((of) => laneOf(of) === key));
    const exit = this.told.work[nth]?.exit;
    if (exit === "leaves" || exit === "dies") this.seen.byWatchtower++;
    else this.seen.byPage++;
  }

  /** A look while gas is dear: nobody sends anything, and pages that have the chain say what is owed. */
  async #dearly(): Promise<void> {
    const before = await this.#sent();
    await this.world.pass(LOOK);
    expect(await this.#sent()).toEqual(before);
    if (this.seen.dear++ % 8 > 0 || this.told.trouble !== "dear") return;
    const { workers, caster } = this.world;
    for (const [nth, tab] of workers.entries())
      if (tab.isOpen) expect(tab.purse.outstanding(caster.pot.potId)).toBe(await this.#open(nth));
  }

  /** Transactions of each that claims. */
  #sent(): Promise<unknown[]> {
    const { workers, watchtowers } = this.world;
    const count = ({ account }: { account: { address: string } }) =>
      ground.net.cheat("eth_getTransactionCount", account.address, "latest");
    return Promise.all([...workers, ...watchtowers].map(count));
  }

  /** All that was due was paid, and it is the payee's own coin, whoever asks for it, but for the share that its lane leaves a watchtower. */
  async settle(): Promise<void> {
    const { net, chain } = ground;
    const { world, due } = this;
    const ledger = await ledgerOf(net.rpc, net.domain, world.caster.pot.potId);
    const stranger = privateKeyToAccount(generatePrivateKey());
    await net.setBalance(stranger, 10n ** 18n);
    let got = 0n;
    for (const [key, { payee, lane }] of world.lanes) {
      const [owed, paid] = [due.get(key) ?? 0n, ledger.lanes.get(key) ?? 0n];
      expect(owed - paid).toBeLessThanOrEqual(owed > CLAIM ? 0n : CLAIM);
      if (paid > (this.#early.get(key) ?? 0n)) this.#saved(key);
      const before = await chain.balance(payee, { signal });
      if (paid > 0n) await chain.withdraw(stranger, payee, { signal });
      const coins = (await chain.balance(payee, { signal })) - before;
      expect(paid - coins).toBeLessThanOrEqual((paid * percentOf(lane)) / 100n);
      got += coins;
      expect(await creditOf(net.rpc, net.domain, payee)).toBe(0n);
    }
    expect(got + ledger.shares).toBe(ledger.paid);
  }
}

test(
  `whoever is owed is paid, though its payer does not, its page is closed, one watchtower is away, and the chain is there once, or cheap, in ${runs} runs (SEED=${options.seed})`,
  async () => {
    const seen: SeenHere = {
      ...{ segments: 0, refused: 0, deaths: 0 },
      ...{ byPage: 0, byWatchtower: 0, left: 0, dear: 0 },
    };
    await fc.assert(
      fc.asyncProperty(
        story,
        alone(async (told) => {
          const telling = new Telling(told, seen);
          try {
            await telling.begin();
            await telling.work();
            await telling.challenge();
            await telling.settle();
          } finally {
            ground.calm();
            await telling.world.close();
          }
        }),
      ),
      options,
    );
    const { byPage, byWatchtower, left, dear } = seen;
    if (runs >= 40)
      for (const often of [byPage, byWatchtower, left, dear]) expect(often).toBeGreaterThan(0);
  },
  limit,
);
