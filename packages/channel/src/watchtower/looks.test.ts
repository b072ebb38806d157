import { Amount, type Clock, type Millis, systemClock, Wei } from "@tabcast/runtime";
import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, describe, expect, test } from "vitest";
import { type Ledger, ledger, NOW } from "../../test/ledger.ts";
import { ChainError, type Sent } from "../chain/chain.ts";
import { potId as potIdOf, separator } from "../config.ts";
import { FINALIZED } from "../final.ts";
import * as Share from "../share.ts";
import { memory } from "../store/memory.ts";
import type { Domain, Hex, PotConfig, SignedVoucher } from "../types.ts";
import * as Voucher from "../voucher.ts";
import { type OpenWatchtowerOptions, openWatchtower, type Watchtower } from "./watchtower.ts";

/* A watchtower over a chain in memory, on a clock that is moved: what it asks, and when, and what it makes of the answers. */

const { signal } = new AbortController();
const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const signer = privateKeyToAccount(`0x${"22".repeat(32)}`);
const worker = privateKeyToAccount(`0x${"33".repeat(32)}`).address;
const tower = privateKeyToAccount(`0x${"44".repeat(32)}`);
/** Gas of a row, and of a claim of one row, at the price of one wei of these tests. */
const [ROW, CLAIM] = [60_000n, 135_000n];
const WORTH = 1_000_000n;

let chain: Ledger;
let now: number;
let sleeps: number[];
let wake: () => void;
let log: string[];
let open: Watchtower[];
beforeEach(() => {
  chain = ledger(domain);
  now = 5_000_000;
  sleeps = [];
  wake = () => {};
  log = [];
  open = [];
  return () => Promise.all(open.map((one) => one.close()));
});
const asked = (name: string) => chain.asked.get(name) ?? 0;

/** A watchtower that looks again when it is woken. */
async function watching(more: Partial<OpenWatchtowerOptions> = {}): Promise<Watchtower> {
  const clock: Clock = {
    ...systemClock,
    now: () => now as Millis,
    sleep: (ms) => {
      sleeps.push(ms);
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
  };
  const watchtower = await openWatchtower({
    domain,
    rpc: "",
    account: tower,
    store: memory(),
    signal,
    chain,
    clock,
    onKept: ({ cumulative }) => log.push(`kept ${cumulative}`),
    onRescue: (_, paid) => log.push(`rescued ${paid}`),
    onSpent: (cost) => log.push(`spent ${cost}`),
    onProblem: ({ message }) => log.push(`problem: ${message}`),
    ...more,
  });
  open.push(watchtower);
  return watchtower;
}
/** One more look, to its end. */
async function look(): Promise<void> {
  const before = sleeps.length;
  wake();
  await expect.poll(() => sleeps.length, { interval: 1 }).toBe(before + 1);
}

const configOf = (n: number): PotConfig => ({
  payer: worker,
  signer: signer.address,
  token: `0x${"00".repeat(20)}`,
  challengePeriod: 900,
  salt: `0x${n.toString(16).padStart(64, "0")}`,
});
const idOf = (n: number) => potIdOf(separator(domain), configOf(n));
async function funded(n: number, deposit = 10n ** 9n): Promise<void> {
  const amount = Amount.of(deposit);
  await chain.deposit(tower, configOf(n), { amount, signerGas: Wei.zero, signal });
}
const voucher = (n: number, cumulative = WORTH, lane = 1): Promise<SignedVoucher> =>
  Voucher.sign(separator(domain), signer, {
    potId: idOf(n),
    payee: worker,
    lane,
    cumulative: Amount.of(cumulative),
  });
const keep = async (watchtower: Watchtower, n: number, cumulative = WORTH, lane = 1) =>
  watchtower.accept(domain, configOf(n), await voucher(n, cumulative, lane), { signal });
const balance = (wei: bigint) => {
  chain.instead.balance = async () => Wei.of(wei);
};
/** Closes a pot so that half of its challenge is over. */
const close = (n: number) => chain.close(idOf(n), NOW + 450);

describe("what a watchtower asks", () => {
  test("it looks every 30 seconds if nobody says otherwise, and asks nothing while it keeps nothing", async () => {
    await watching();
    await look();
    expect(sleeps).toEqual([30_000, 30_000]);
    expect([asked("snapshot"), asked("gasPrice")]).toEqual([0, 0]);
  });

  test("it asks for the price of gas again before it refuses what a claim would cost more than, once in five seconds", async () => {
    const watchtower = await watching();
    await funded(1);
    let price = WORTH;
    let asks = 0;
    chain.instead.gasPrice = async () => {
      asks++;
      return Wei.of(price);
    };
    const worthless = { code: "WATCHTOWER_WORTHLESS" };
    balance(10n ** 18n);
    await expect(keep(watchtower, 1)).rejects.toMatchObject(worthless);
    price = 1n;
    now += 4_999;
    await expect(keep(watchtower, 1)).rejects.toMatchObject(worthless);
    now += 1;
    await keep(watchtower, 1);
    expect(asks).toBe(2);
    expect(log).toEqual([`kept ${WORTH}`]);
  });

  test("vouchers that come at once ask for the price of gas once, be they refused or kept", async () => {
    const watchtower = await watching();
    for (let n = 1; n <= 8; n++) await funded(n);
    let price = WORTH;
    let asks = 0;
    chain.instead.gasPrice = async () => {
      asks++;
      return Wei.of(price);
    };
    balance(10n ** 18n);
    const all = () =>
      Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map((n) => keep(watchtower, n))).then((done) =>
        done.filter(({ status }) => status === "fulfilled"),
      );
    expect([(await all()).length, asks]).toEqual([0, 1]);
    now += 5_000;
    price = 1n;
    expect([(await all()).length, asks]).toEqual([8, 2]);
  });

  test("who gives up takes the price of gas from nobody else", async () => {
    const watchtower = await watching();
    for (const n of [1, 2]) await funded(n);
    const { promise: price, resolve: answer } = Promise.withResolvers<Wei>();
    chain.instead.gasPrice = ({ signal }) =>
      new Promise((resolve, reject) => {
        price.then(resolve, reject);
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    const hasty = new AbortController();
    const [one, two] = [await voucher(1), await voucher(2)];
    const first = watchtower.accept(domain, configOf(1), one, hasty);
    const second = watchtower.accept(domain, configOf(2), two, { signal });
    const given = expect(first).rejects.toThrow("enough");
    await expect.poll(() => asked("balance")).toBe(1);
    hasty.abort(new Error("enough"));
    await given;
    answer(Wei.of(1n));
    await second;
    expect(watchtower.vouchers()).toEqual([two]);
  });

  test("it asks for the price of gas once in two looks' time", async () => {
    const watchtower = await watching({ refresh: 1_000 });
    for (const [n, later, times] of [
      [1, 0, 1],
      [2, 1_999, 1],
      [3, 1, 2],
    ] as const) {
      now += later;
      await funded(n);
      await keep(watchtower, n);
      expect(asked("gasPrice")).toBe(times);
    }
  });

  test("it keeps vouchers while it could pay for two claims, and asks each time where it could not", async () => {
    const watchtower = await watching();
    await funded(1);
    balance(2n * CLAIM - 1n);
    for (let time = 1; time <= 2; time++) {
      await expect(keep(watchtower, 1)).rejects.toMatchObject({
        reason: { code: "WATCHTOWER_NO_GAS", have: 2n * CLAIM - 1n, need: 2n * CLAIM },
      });
      expect(asked("gasPrice")).toBe(time);
    }
    balance(2n * CLAIM);
    await keep(watchtower, 1);
    await funded(2);
    await keep(watchtower, 2);
    expect(asked("gasPrice")).toBe(3);
  });

  test("it must have twice as much where gas costs twice as much", async () => {
    chain.instead.gasPrice = async () => Wei.of(2n);
    const watchtower = await watching();
    await funded(1);
    balance(4n * CLAIM - 1n);
    await expect(keep(watchtower, 1)).rejects.toMatchObject({ reason: { need: 4n * CLAIM } });
    balance(4n * CLAIM);
    await expect(keep(watchtower, 1, 2n * CLAIM)).rejects.toMatchObject({
      reason: { code: "WATCHTOWER_WORTHLESS", cost: 2n * CLAIM },
    });
    await keep(watchtower, 1, 2n * CLAIM + 1n);
  });

  test("it asks no chain about a new lane for which it has no room, whatever it is worth", async () => {
    const store = memory();
    const room = { all: 1, ofPot: 1, ofPayer: 1 };
    const first = await watching({ store, room });
    await funded(1);
    await keep(first, 1);
    await first.close();
    // What was kept counts for all of its total until the chain was asked.
    chain.instead.gasPrice = async () => {
      throw new Error("the server is away");
    };
    const again = await watching({ store: store.share(), room });
    await expect(keep(again, 1, WORTH, 2)).rejects.toMatchObject({ code: "WATCHTOWER_FULL" });
    await keep(again, 1, WORTH + 1n);
  });

  test("it lets go of its lock when it is closed, twice too", async () => {
    const store = memory();
    const first = await watching({ store });
    await first.close();
    await first.close();
    await (await watching({ store: store.share() })).close();
  });

  test("it waits 50 milliseconds for a watchtower that another tab is closing, and is refused then", async () => {
    const waits: number[] = [];
    const store = memory({
      ...systemClock,
      timeout: (ms) => {
        waits.push(ms);
        return AbortSignal.abort();
      },
    });
    await watching({ store });
    await expect(watching({ store: store.share() })).rejects.toMatchObject({
      code: "STORE_LOCKED",
    });
    expect(waits).toEqual([50, 50]);
  });

  test("what shares earned is withdrawn though nothing is kept any more, to the last part where gas costs nothing", async () => {
    const store = memory();
    await store.write([[`tower-earned/${tower.address.toLowerCase()}`, "1"]]);
    Object.assign(chain.instead, {
      gasPrice: async () => Wei.zero,
      credit: async () => Amount.of(1),
      quote: async () => ({ gas: 1n, cost: Wei.zero }),
    });
    await watching({ store, onWithdrawn: (amount) => log.push(`withdrawn ${amount}`) });
    await expect.poll(() => log).toEqual(["withdrawn 1", "spent 1"]);
    await look();
    expect([asked("withdrawTo"), asked("snapshot")]).toEqual([1, 0]);
  });

  test("it reads 32 pots with one request, each with all the lanes that it keeps of it", async () => {
    const watchtower = await watching();
    for (let n = 1; n <= 33; n++) {
      await funded(n);
      await keep(watchtower, n);
    }
    await keep(watchtower, 1, WORTH, 2);
    const sizes: number[][] = [];
    chain.instead.snapshot = async (pots, waits) => {
      sizes.push(pots.map(({ lanes }) => lanes.length));
      const { snapshot } = chain.instead;
      delete chain.instead.snapshot;
      const answer = await chain.snapshot(pots, waits);
      if (snapshot) chain.instead.snapshot = snapshot;
      return answer;
    };
    await look();
    expect(sizes).toEqual([[2, ...Array(31).fill(1)], [1]]);
    chain.instead.gasPrice = async () => {
      throw new Error("the server is away");
    };
    await look();
    expect(sizes).toHaveLength(2);
    expect(log.at(-1)).toBe("problem: the server is away");
  });
});

describe("what a watchtower keeps", () => {
  test("a voucher that is no higher changes nothing, and a higher one of a lane needs no look at the chain", async () => {
    const watchtower = await watching();
    await funded(1);
    await keep(watchtower, 1);
    for (const cumulative of [WORTH, WORTH - 1n]) await keep(watchtower, 1, cumulative);
    expect([log, asked("snapshot")]).toEqual([[`kept ${WORTH}`], 1]);
    await keep(watchtower, 1, WORTH + 1n);
    expect(watchtower.vouchers()).toEqual([await voucher(1, WORTH + 1n)]);
    expect([log.at(-1), asked("snapshot")]).toEqual([`kept ${WORTH + 1n}`, 1]);
  });

  test("the highest of a lane's vouchers is kept, of many that come at once", async () => {
    const watchtower = await watching();
    await funded(1);
    await Promise.all([3n, 1n, 4n, 2n].map((more) => keep(watchtower, 1, WORTH + more)));
    expect(watchtower.vouchers().map(({ cumulative }) => cumulative)).toEqual([WORTH + 4n]);
  });

  test("a voucher of a pot that is final, empty, unknown or another is refused by its own code", async () => {
    const watchtower = await watching();
    await expect(keep(watchtower, 1)).rejects.toMatchObject({ code: "POT_UNFUNDED" });
    await funded(2, 0n);
    await expect(keep(watchtower, 2)).rejects.toMatchObject({
      reason: { code: "POT_UNFUNDED", balance: 0n, min: 1n },
    });
    // More than nothing is a question of what it is worth.
    await funded(3, 1n);
    await expect(keep(watchtower, 3)).rejects.toMatchObject({ code: "WATCHTOWER_WORTHLESS" });
    await funded(4);
    chain.close(idOf(4), FINALIZED);
    await expect(keep(watchtower, 4)).rejects.toMatchObject({ code: "POT_FINAL" });
    const other = watchtower.accept(domain, configOf(4), await voucher(3), { signal });
    await expect(other).rejects.toMatchObject({ code: "VOUCHER_UNTRUSTED_POT" });
    expect(watchtower.vouchers()).toEqual([]);
  });

  test("a pot is forgotten once it is final", async () => {
    const watchtower = await watching();
    for (const n of [1, 2]) {
      await funded(n);
      await keep(watchtower, n);
    }
    chain.close(idOf(1), FINALIZED);
    await look();
    expect(watchtower.vouchers().map(({ potId }) => potId)).toEqual([idOf(2)]);
  });
});

describe("what a watchtower claims", () => {
  const quote = (cost: bigint) => {
    chain.instead.quote = async () => ({ gas: 1n, cost: Wei.of(cost) });
  };
  /** The contract's answer to claims, instead of its own. */
  const paying = (...paid: readonly bigint[]) => {
    chain.instead.claimAsWatchtower = async () => {
      log.push("claim");
      const events = paid.map((one, i) => ({
        ...{ hash: "0x" as Hex, block: 1n, index: i, type: "claimed" as const },
        ...{
          payee: worker,
          lane: i + 1,
          paid: Amount.of(one),
          claimed: Amount.of(one),
          fee: Amount.zero,
        },
      }));
      return { hash: "0x", block: 1n, gas: 1n, cost: Wei.of(9n), events } satisfies Sent;
    };
  };
  /** Rows of one pot that closes, in lanes from 1 on. */
  async function closing(...held: readonly bigint[]): Promise<Watchtower> {
    const watchtower = await watching();
    await funded(1);
    for (const [i, cumulative] of held.entries()) await keep(watchtower, 1, cumulative, i + 1);
    log.length = 0;
    close(1);
    return watchtower;
  }
  const claims = () => log.filter((line) => line === "claim").length;

  test("it sends a claim that brings more than its quote, and none that brings as much", async () => {
    await closing(WORTH, WORTH);
    quote(2n * WORTH);
    await look();
    expect(asked("claimAsWatchtower")).toBe(0);
    quote(2n * WORTH - 1n);
    await look();
    await expect.poll(() => log).toEqual([`rescued ${WORTH}`, `rescued ${WORTH}`, "spent 1"]);
  });

  test("it sends no claim that brings less than its quote once the contract has its fee", async () => {
    Object.assign(chain, { feeBps: 1_000 });
    await closing(WORTH, WORTH);
    const net = (2n * WORTH * 9n) / 10n;
    quote(net);
    await look();
    expect(asked("claimAsWatchtower")).toBe(0);
    quote(net - 1n);
    await look();
    await expect.poll(() => asked("claimAsWatchtower")).toBe(1);
  });

  test("what a claim saved for a worker is told without the share that its lane left, and that apart", async () => {
    const watchtower = await watching({ onShare: (share) => log.push(`share ${share}`) });
    await funded(1);
    await keep(watchtower, 1, WORTH, Share.laneOf(20, 1));
    log.length = 0;
    close(1);
    await look();
    await expect
      .poll(() => log)
      .toEqual([`rescued ${(WORTH * 8n) / 10n}`, `share ${WORTH / 5n}`, "spent 1"]);
  });

  test("it claims in the second half of the challenge, when its rows pay for the price of gas", async () => {
    const watchtower = await watching();
    await funded(1);
    await keep(watchtower, 1);
    chain.close(idOf(1), NOW + 451);
    await look();
    expect(asked("quote")).toBe(0);
    close(1);
    chain.instead.gasPrice = async () => Wei.of(WORTH / CLAIM + 1n);
    await look();
    expect(asked("quote")).toBe(0);
    chain.instead.gasPrice = async () => Wei.of(WORTH / CLAIM);
    await look();
    expect(asked("quote")).toBe(1);
  });

  test("a row that brought no more than its gas is not brought again, and one that brought more is", async () => {
    await closing(WORTH, WORTH + 1n, WORTH + 2n);
    const rows: number[][] = [];
    chain.instead.quote = async (_, action) => {
      rows.push(action.do === "claimAsWatchtower" ? action.vouchers.map(({ lane }) => lane) : []);
      return { gas: 1n, cost: Wei.of(1n) };
    };
    paying(ROW, ROW + 1n, 0n);
    await look();
    await expect.poll(claims).toBe(1);
    expect(log).toEqual(["claim", `rescued ${ROW}`, `rescued ${ROW + 1n}`, "spent 9"]);
    await look();
    await expect.poll(claims).toBe(2);
    expect(rows).toEqual([[1, 2, 3], [2]]);
  });

  test("a row that brought nothing is not brought again, though gas costs nothing", async () => {
    chain.instead.gasPrice = async () => Wei.zero;
    quote(0n);
    await closing(WORTH);
    paying();
    await look();
    await expect.poll(() => log).toEqual(["claim", "spent 9"]);
    await look();
    await look();
    expect(claims()).toBe(1);
  });

  test("a single wei that was paid is a rescue, and what its owner was paid meanwhile is not brought", async () => {
    await closing(WORTH);
    paying(1n);
    await look();
    await expect.poll(() => log).toEqual(["claim", "rescued 1", "spent 9"]);
    log.length = 0;
    delete chain.instead.claimAsWatchtower;
    const own = await watching();
    await funded(2);
    await keep(own, 2);
    await chain.claim(tower, configOf(2), [await voucher(2)], { signal });
    close(2);
    const before = asked("quote");
    await look();
    expect(asked("quote")).toBe(before);
  });

  test("one claim of a pot is under way at a time, and other pots are looked at meanwhile", async () => {
    const watchtower = await closing(WORTH);
    let finish = () => {};
    let begun = 0;
    chain.instead.claimAsWatchtower = () => {
      begun++;
      return new Promise((_, reject) => {
        finish = () => reject(new ChainError({ code: "CHAIN_REJECTED" }, "it failed"));
      });
    };
    for (let i = 0; i < 3; i++) await look();
    expect(begun).toBe(1);
    await funded(2);
    await keep(watchtower, 2);
    close(2);
    await look();
    expect(begun).toBe(2);
    finish();
    await expect.poll(() => log.at(-1)).toBe("problem: it failed");
    await look();
    expect(begun).toBe(3);
    delete chain.instead.claimAsWatchtower;
    finish();
    open = []; // one claim of these never ends
  });
});
