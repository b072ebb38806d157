import { type Amount, systemClock, Wei } from "@tabcast/runtime";
import fc from "fast-check";
import { privateKeyToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { Crash, mortal } from "../test/crash.ts";
import { type Ledger, ledger, NOW } from "../test/ledger.ts";
import { replay } from "../test/replay.ts";
import * as Config from "./config.ts";
import { openPurse } from "./payee/open-purse.ts";
import { openPot, resumePot } from "./payer/open-pot.ts";
import { unsettled } from "./payer/pot-record.ts";
import { type MemoryStore, memory } from "./store/memory.ts";
import type { Domain, Lane, PayerPot, PotConfig, Purse, SignedVoucher } from "./types.ts";
import * as Voucher from "./voucher.ts";
import { openWatchtower } from "./watchtower/watchtower.ts";

const wei = (value: bigint | number) => BigInt(value) as Amount;
const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const payer = privateKeyToAccount(`0x${"11".repeat(32)}`);
const worker = privateKeyToAccount(`0x${"22".repeat(32)}`);
const signal = AbortSignal.timeout(600_000);
const PRICE = wei(7);
const SOFT_CAP = wei(70);
const LANE = 77;
const DEPOSIT = wei(1_000);

/** Two engines, one chain, and a connection that keeps what was sent until it is delivered, repeated or lost. */
class World {
  readonly chain: Ledger = ledger(domain);
  readonly stores = { payer: memory(), worker: memory() };
  readonly fuses = {
    payer: { left: Number.MAX_SAFE_INTEGER, after: false },
    worker: { left: Number.MAX_SAFE_INTEGER, after: false },
  };
  readonly line: SignedVoucher[] = [];
  pot: PayerPot | undefined;
  purse: Purse | undefined;
  crashes = 0;
  verified = 0n;
  signed = 0n;
  credited = 0n;
  delivered = 0;
  paidFor = 0;

  async openPayer(): Promise<PayerPot> {
    if (this.pot) return this.pot;
    const store = mortal(this.stores.payer.share(), this.fuses.payer);
    const common = { rpc: "", payer, store, signal, chain: this.chain };
    const [stored] = await unsettled(this.stores.payer);
    if (stored) {
      try {
        this.pot = await resumePot({ ...common, potId: stored.potId });
        return this.pot;
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "POT_NOT_OPENED"))
          throw error;
        await this.stores.payer.write([[`pot/${stored.potId}`, undefined]]);
      }
    }
    this.pot = await openPot({ ...common, domain, deposit: DEPOSIT, signerGas: Wei.zero });
    return this.pot;
  }

  async openWorker(): Promise<Purse> {
    if (this.purse) return this.purse;
    const store = mortal(this.stores.worker.share(), this.fuses.worker);
    this.purse = await openPurse({
      payee: worker.address,
      account: worker,
      lane: LANE,
      domain,
      rpc: "",
      store,
      signal,
      softCap: SOFT_CAP,
      prepay: wei(0),
      chain: this.chain,
    });
    return this.purse;
  }

  /** Runs one side; if its tab dies, it is closed, and the next use starts it again from its store. */
  async live(side: "payer" | "worker", work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.crashes++;
      this.fuses[side].left = Number.MAX_SAFE_INTEGER;
      await (side === "payer" ? this.pot : this.purse)?.close();
      if (side === "payer") this.pot = undefined;
      else this.purse = undefined;
      return false;
    }
  }

  /** The worker delivers one segment if its window allows. */
  async deliver(): Promise<void> {
    const { pot } = this;
    if (!pot) return;
    await this.live("worker", async () => {
      const purse = await this.openWorker();
      await purse.trust(pot.domain, pot.config, { signal });
      if (purse.room(pot.potId, { segment: PRICE, most: 4 }) < PRICE) return;
      await purse.accrue(pot.potId, PRICE);
      this.delivered++;
      this.verified++;
    });
  }

  /** The payer verifies what was delivered and pays for it. */
  async pay(): Promise<void> {
    await this.live("payer", async () => {
      const pot = await this.openPayer();
      const due = BigInt(this.delivered) * PRICE - (pot.highest(lane)?.cumulative ?? 0n);
      if (due < PRICE) return;
      const voucher = await pot.pay(lane, PRICE);
      this.line.push(voucher);
    });
    this.invariants();
  }

  async receive(at: number, keep: boolean): Promise<void> {
    const voucher = this.line[at % Math.max(1, this.line.length)];
    if (!voucher) return;
    if (!keep) this.line.splice(at % this.line.length, 1);
    await this.hand(voucher);
  }

  async hand(voucher: SignedVoucher): Promise<void> {
    await this.live("worker", async () => {
      const purse = await this.openWorker();
      try {
        this.credited += (await purse.accept(voucher)).credited;
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code) : "";
        if (!["VOUCHER_STALE", "VOUCHER_UNGUARANTEED", "VOUCHER_UNTRUSTED_POT"].includes(code))
          throw error;
      } finally {
        this.paidFor = Number((purse.highest(voucher.potId)?.cumulative ?? 0n) / PRICE);
      }
    });
    this.invariants();
  }

  /** Both tell the other what they hold, as after a new connection. */
  async hello(): Promise<void> {
    await this.live("payer", () => this.openPayer());
    const { pot } = this;
    if (!pot) return;
    const held = this.purse?.highest(pot.potId);
    let again: SignedVoucher | undefined;
    const before = pot.balances().signed;
    await this.live("payer", async () => {
      again = held ? await pot.adopt(held) : await pot.hello(lane, wei(0));
      // Invariant 26: a word without our signature moves nothing, however high.
      await pot.hello(lane, wei(10n ** 20n));
      if (!held) expect(pot.balances().signed).toBe(before);
    });
    if (again) await this.hand(again);
  }

  invariants(): void {
    const held = this.pot?.highest(lane)?.cumulative ?? this.signed;
    // Invariant 23: never lower than before, never past what was decided and the deposit.
    expect(held).toBeGreaterThanOrEqual(this.signed);
    expect(held).toBeLessThanOrEqual(DEPOSIT);
    expect(held).toBeLessThanOrEqual(BigInt(this.delivered + 1) * PRICE);
    this.signed = held;
    // Invariant 24: at most four segments unpaid, and no credit beyond guarantee and softCap.
    expect(this.delivered - this.paidFor).toBeLessThanOrEqual(4 + this.crashes);
    expect(this.credited).toBeLessThanOrEqual(
      SOFT_CAP + (this.purse?.balances().claimed ?? DEPOSIT),
    );
  }

  /** Invariant 25: the connection is whole again; both have the highest that was signed, and the chain pays exactly that. */
  async heal(): Promise<void> {
    for (let i = 0; i < 3; i++) await this.hello();
    const { pot } = this;
    if (!pot) throw new Error("the payer did not come back");
    const purse = await this.openWorker();
    await purse.trust(pot.domain, pot.config, { signal });
    const highest = pot.highest(lane);
    if (highest) await this.hand(highest);
    expect(purse.highest(pot.potId)).toEqual(highest);
    await purse.claim({ signal });
    const [state] = await this.chain.lanes(pot.potId, [lane], { signal });
    expect(state?.claimed).toBe(highest?.cumulative ?? 0n);
    const { balance } = await this.chain.pot(pot.potId, { signal });
    expect(balance + (state?.claimed ?? 0n)).toBe(DEPOSIT);
    expect(await purse.claim({ signal })).toEqual({ paid: 0n });
  }

  async close(): Promise<void> {
    await this.pot?.close();
    await this.purse?.close();
  }
}
const lane = { payee: worker.address, lane: LANE };

/** A short stream: hire, three segments, one voucher lost, one repeated. */
async function story(world: World): Promise<void> {
  await world.live("payer", () => world.openPayer());
  if (!world.pot) await world.live("payer", () => world.openPayer());
  for (let i = 0; i < 3; i++) {
    await world.deliver();
    await world.pay();
    if (i === 1) world.line.pop();
    await world.receive(0, i === 0);
  }
  await world.hello();
}

/** How many operations each side's store does in the story when nobody dies. */
async function operations(): Promise<Record<"payer" | "worker", number>> {
  const world = new World();
  await story(world);
  await world.close();
  const used = (side: "payer" | "worker") => Number.MAX_SAFE_INTEGER - world.fuses[side].left;
  return { payer: used("payer"), worker: used("worker") };
}

const points = await operations();
const kills = (["payer", "worker"] as const).flatMap((side) =>
  Array.from({ length: points[side] }, (_, at) =>
    [false, true].map((after) => ({ side, at, when: after ? "after" : "before", after })),
  ).flat(),
);

describe(`a tab that dies at any of ${kills.length} points of its store`, () => {
  test.each(kills)(
    "the $side dies $when operation $at, and the books agree to the wei",
    async (kill) => {
      const world = new World();
      world.fuses[kill.side].left = kill.at;
      world.fuses[kill.side].after = kill.after;
      await story(world);
      expect(world.crashes).toBe(1);
      await world.heal();
      await world.close();
    },
  );

  test("a tab has at least twenty points where it can die", () => {
    expect(kills.length).toBeGreaterThanOrEqual(20);
  });
});

/** What a claim is worth in these: more than the 120,000 wei that it costs on this chain. */
const WORTH = wei(1_000_000);
const ours = { payee: worker.address, lane: LANE };
const configOf = (n: number): PotConfig => ({
  payer: payer.address,
  signer: payer.address,
  token: `0x${"00".repeat(20)}`,
  challengePeriod: 900,
  salt: `0x${n.toString(16).padStart(64, "0")}`,
});
const signedFor = (
  n: number,
  { payee, lane }: Lane,
  cumulative: Amount,
): Promise<SignedVoucher> => {
  const potId = Config.potId(Config.separator(domain), configOf(n));
  return Voucher.sign(Config.separator(domain), payer, { potId, payee, lane, cumulative });
};

/** Lives through `part` with a store that dies at its operation `at`; the part is begun again until it gets to its end. */
async function untilDone(
  store: MemoryStore,
  fuse: { left: number; after: boolean },
  part: (store: MemoryStore) => Promise<void>,
): Promise<number> {
  for (let deaths = 0; ; deaths++)
    try {
      await part(mortal(store.share(), fuse));
      return deaths;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      fuse.left = Number.MAX_SAFE_INTEGER;
    }
}

/** A worker whose pot closes while another tab's lane was left behind: all of it is claimed, by this tab alone. */
async function closing(fuse: { left: number; after: boolean }) {
  const chain = ledger(domain);
  const store = memory();
  const { potId } = await signedFor(1, ours, WORTH);
  await chain.deposit(payer, configOf(1), {
    amount: wei(10n ** 9n),
    signerGas: Wei.zero,
    signal,
  });
  const base = { payee: worker.address, account: worker, domain, rpc: "", signal, chain };
  const other = await openPurse({ ...base, lane: LANE + 1, store: store.share() });
  await other.trust(domain, configOf(1), { signal });
  await other.accrue(potId, WORTH);
  await other.accept(await signedFor(1, other, WORTH));
  await other.close();
  const deaths = await untilDone(store, fuse, async (mine) => {
    const purse = await openPurse({ ...base, lane: LANE, store: mine });
    try {
      if ((await chain.pot(potId, { signal })).closeAt === 0) {
        await purse.trust(domain, configOf(1), { signal });
        await purse.accrue(potId, WORTH);
        const voucher = await signedFor(1, purse, WORTH);
        if (purse.highest(potId) === undefined) await purse.accept(voucher);
        chain.close(potId, NOW + 900);
      }
      await purse.claim({ signal });
    } finally {
      await purse.close();
    }
  });
  const lanes = await chain.lanes(potId, [ours, { ...ours, lane: LANE + 1 }], { signal });
  return { deaths, claimed: lanes.map(({ claimed }) => claimed) };
}

/** A watchtower that keeps two vouchers, lets go of one for a better one, and claims when the pots close. */
async function watching(fuse: { left: number; after: boolean }) {
  const chain = ledger(domain);
  const store = memory();
  const vouchers: SignedVoucher[] = [];
  for (const n of [1, 2, 3]) {
    vouchers.push(await signedFor(n, ours, wei(WORTH * BigInt(n))));
    const amount = wei(10n ** 9n);
    await chain.deposit(payer, configOf(n), { amount, signerGas: Wei.zero, signal });
  }
  const told: number[] = [];
  const deaths = await untilDone(store, fuse, async (mine) => {
    const watchtower = await openWatchtower({
      domain,
      rpc: "",
      account: payer,
      store: mine,
      signal,
      chain,
      room: { all: 2, ofPot: 2, ofPayer: 2 },
    });
    try {
      for (const [i, voucher] of vouchers.entries()) {
        if (told.includes(i)) continue;
        await watchtower.accept(domain, configOf(i + 1), voucher, { signal });
        told.push(i);
      }
    } finally {
      await watchtower.close();
    }
  });
  // Whatever it said that it keeps, and is not worth least, is on disk.
  const again = await openWatchtower({ domain, rpc: "", account: payer, store, signal, chain });
  const kept = again.vouchers();
  await again.close();
  return { deaths, kept, vouchers };
}

/** How many operations the store does in a story when nobody dies. */
async function operationsOf(story: typeof closing | typeof watching): Promise<number> {
  const fuse = { left: Number.MAX_SAFE_INTEGER, after: false };
  await story(fuse);
  return Number.MAX_SAFE_INTEGER - fuse.left;
}
const deathsOf = (count: number) =>
  Array.from({ length: count }, (_, at) =>
    ["before", "after"].map((when) => ({ at, when, after: when === "after" })),
  ).flat();

const closes = deathsOf(await operationsOf(closing));
describe(`a worker's tab that dies at any of ${closes.length} points while its pot closes`, () => {
  test.each(closes)(
    "the tab dies $when operation $at, and both of its payee's lanes are paid",
    async ({ at, after }) => {
      const { deaths, claimed } = await closing({ left: at, after });
      expect(deaths).toBe(1);
      expect(claimed).toEqual([WORTH, WORTH]);
    },
  );
});

const keeps = deathsOf(await operationsOf(watching));
describe(`a watchtower that dies at any of ${keeps.length} points of its store`, () => {
  test.each(keeps)(
    "the watchtower dies $when operation $at, and keeps the two vouchers that are worth most",
    async ({ at, after }) => {
      const { deaths, kept, vouchers } = await watching({ left: at, after });
      expect(deaths).toBe(1);
      expect(kept.toSorted((a, b) => (a.cumulative < b.cumulative ? -1 : 1))).toEqual(
        vouchers.slice(1),
      );
    },
  );

  test("a worker's and a watchtower's tab have at least twenty more points where they can die", () => {
    expect(closes.length + keeps.length).toBeGreaterThanOrEqual(20);
  });
});

const RUNS = Math.min(replay.numRuns, 60);
test(`any order of loss, repetition and death heals, in ${RUNS} runs (SEED=${replay.seed})`, async () => {
  const side = fc.constantFrom("payer" as const, "worker" as const);
  const move = fc.oneof(
    { weight: 3, arbitrary: fc.constant({ do: "deliver" as const }) },
    { weight: 3, arbitrary: fc.constant({ do: "pay" as const }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("receive" as const), at: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("repeat" as const), at: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("lose" as const), at: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.constant({ do: "hello" as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("doom" as const),
        side,
        left: fc.nat(6),
        after: fc.boolean(),
      }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 24 }), async (moves) => {
      const world = new World();
      try {
        await world.live("payer", () => world.openPayer());
        for (const next of moves) {
          if (next.do === "deliver") await world.deliver();
          else if (next.do === "pay") await world.pay();
          else if (next.do === "receive") await world.receive(next.at, false);
          else if (next.do === "repeat") await world.receive(next.at, true);
          else if (next.do === "lose") world.line.splice(next.at, 1);
          else if (next.do === "hello") await world.hello();
          else Object.assign(world.fuses[next.side], { left: next.left, after: next.after });
        }
        for (const fuse of Object.values(world.fuses)) fuse.left = Number.MAX_SAFE_INTEGER;
        await world.heal();
      } finally {
        await world.close();
      }
    }),
    { ...replay, numRuns: RUNS },
  );
});

describe("lost books", () => {
  const forget = async (store: MemoryStore, prefix: string) =>
    store.write((await store.list(prefix)).map(([key]) => [key, undefined] as const));

  async function afterThree(): Promise<World> {
    const world = new World();
    await story(world);
    return world;
  }

  test("a payer without books takes back the worker's voucher, which its own key signed", async () => {
    const world = await afterThree();
    const before = world.pot?.highest(lane);
    await world.pot?.close();
    world.pot = undefined;
    await forget(world.stores.payer, "pot-lane/");
    world.signed = 0n;
    expect((await world.openPayer()).highest(lane)).toBeUndefined();
    await world.hello();
    expect(world.pot).toBeDefined();
    expect((await world.openPayer()).highest(lane)).toEqual(before);
    await world.heal();
    await world.close();
  });

  test("a worker without books gets the payer's highest voucher again", async () => {
    const world = await afterThree();
    await world.purse?.close();
    world.purse = undefined;
    await forget(world.stores.worker, "purse-lane/");
    const purse = await world.openWorker();
    const pot = await world.openPayer();
    await purse.trust(pot.domain, pot.config, { signal });
    expect(purse.highest(pot.potId)).toBeUndefined();
    await purse.accrue(pot.potId, wei(3n * PRICE));
    await world.hello();
    expect(purse.highest(pot.potId)).toEqual(pot.highest(lane));
    await world.close();
  });

  test("a payer signs no more than it owes, whatever the chain says was paid to a lane that it does not know", async () => {
    const world = await afterThree();
    await world.openPayer();
    await (await world.openWorker()).claim({ signal });
    await world.close();
    world.pot = undefined;
    world.purse = undefined;
    await forget(world.stores.payer, "pot-lane/");
    await forget(world.stores.worker, "purse-lane/");
    const again = await world.openPayer();
    const next = await again.pay(lane, PRICE);
    // What was paid is shown by a voucher of our own key, as a worker that has its books holds; a server could say anything.
    expect(next.cumulative).toBe(PRICE);
    await world.close();
  });
});

test("fifty segments ask the chain nothing, and each voucher is at most 120 bytes beside its ids", async () => {
  const world = new World();
  const pot = await world.openPayer();
  const purse = await openPurse({
    payee: worker.address,
    domain,
    rpc: "",
    store: memory(),
    signal,
    chain: world.chain,
    clock: systemClock,
  });
  await purse.trust(pot.domain, pot.config, { signal });
  const before = new Map(world.chain.asked);
  for (let i = 0; i < 50; i++) {
    await purse.accrue(pot.potId, PRICE);
    const voucher = await pot.pay(purse, PRICE);
    expect(await purse.accept(voucher)).toEqual({ credited: PRICE });
  }
  expect([...world.chain.asked].reduce((sum, [, n]) => sum + n, 0)).toBe(
    [...before].reduce((sum, [, n]) => sum + n, 0),
  );
  await purse.close();
  await world.close();
});
