import type { Amount } from "@tabcast/runtime";
import { getAddress } from "viem";
import { describe, expect, test } from "vitest";
import { NOW } from "../../test/ledger.ts";
import {
  lane,
  type Paying,
  type PayingOptions,
  paying,
  payments,
  wallet,
} from "../../test/paying.ts";
import { type Chain, ChainError, type Wallet } from "../chain/chain.ts";
import { FINALIZED } from "../final.ts";
import { StoreError } from "../store/store.ts";
import type { Lane, Settlement } from "../types.ts";
import { settle } from "./settle.ts";

/* The end of a pot over a chain in memory, whose clock goes on by what is slept: what is done when, and what is told of it. */

const { signal } = new AbortController();
const [A, B, C] = [lane(1), lane(2), lane(3)];
/** Seconds of the challenge. */
const CHALLENGE = 900;

interface Ended {
  readonly settlement: Settlement;
  /** What people were told, without repetitions; seconds from the start of the test. */
  readonly told: readonly string[];
}

async function end({ parts }: Paying, payer?: Wallet): Promise<Ended> {
  const told: string[] = [];
  const settlement = await settle(parts, {
    payer,
    signal,
    progress(step) {
      const more =
        step.step === "paying"
          ? ` ${step.lanes}`
          : step.step === "waiting"
            ? ` until ${step.until - NOW}`
            : "";
      const line = `${step.step}${more}`;
      if (step.step === "paying" || told.at(-1) !== line) told.push(line);
    },
  });
  return { settlement, told };
}
/** The second of each transaction of the session key or the wallet, and those of others left out. */
const sends = (pot: Paying) =>
  ["pay", "startClose", "finalizeClose", "withdraw", "sweep"].flatMap((name) =>
    pot.times(name).map((at) => [name, at] as const),
  );
const failing = (code: ChainError["code"]) => async () => {
  throw new ChainError({ code, rpc: "", error: "NotAuthorised", args: [] } as never, "it failed");
};
/** A worker shows a voucher that these books have lost. */
const show = ({ books }: Paying, lane: Lane, cumulative: bigint) =>
  books.post({ type: "shown", lane, cumulative: cumulative as Amount, signature: "0x01" });
const guarantee = ({ chain, potId }: Paying, of: Lane, ceiling: bigint, seconds: number) =>
  chain.guarantee(potId, of, ceiling, NOW + seconds);
const unpaid = (lanes: number, owed: bigint) => [{ type: "unpaid", lanes, owed }];

describe("the course of an end", () => {
  test("the lanes are paid, the pot closes at once, and its refund comes when the challenge is over", async () => {
    const owed = [
      { lane: A, signed: 300n },
      { lane: B, signed: 200n },
    ];
    const pot = await paying({ deposit: 1_000n, owed });
    const home = await pot.chain.balance(pot.key.address, { signal });
    const { settlement, told } = await end(pot);
    expect(told).toEqual(["paying 2", "waiting until 900", "refunding"]);
    expect(settlement).toMatchObject({
      ...{ deposited: 1_000n, paid: 500n, refunded: 500n },
      lanes: [
        { ...A, paid: 300n },
        { ...B, paid: 200n },
      ],
    });
    expect(sends(pot)).toEqual([
      ["pay", 0],
      ["startClose", 0],
      ["finalizeClose", 900],
      ["withdraw", 901],
      ["sweep", 901],
    ]);
    expect(pot.news).toEqual([]);
    expect(home).toBeGreaterThan(0n);
    expect(await pot.chain.balance(pot.key.address, { signal })).toBe(0n);
    expect(await pot.chain.credit(wallet.address, { signal })).toBe(0n);
    expect(pot.books.key).toBeUndefined();
    expect(pot.books.record).toMatchObject({ state: "final" });
  });

  test("while the challenge runs the pot and the clock are asked once a second, and nothing else", async () => {
    const pot = await paying({ deposit: 1_000n, owed: [{ lane: A, signed: 300n }] });
    await end(pot);
    expect(pot.pauses).toEqual(Array(901).fill(1_000));
    const asked = pot.calls.filter(({ at }) => at > 0 && at < CHALLENGE);
    expect(new Set(asked.map(({ name }) => name))).toEqual(new Set(["pot", "now"]));
    expect(asked).toHaveLength(2 * (CHALLENGE - 1));
  });

  test("it is settled once: asked again it answers the same, and asks the chain nothing", async () => {
    const pot = await paying({ deposit: 1_000n, owed: [{ lane: A, signed: 300n }] });
    const first = await end(pot);
    const before = pot.calls.length;
    expect(await end(pot)).toEqual({ settlement: first.settlement, told: [] });
    expect(pot.calls).toHaveLength(before);
  });

  test("people are told once that nobody is to be paid, where nobody is", async () => {
    const pot = await paying({ deposit: 1_000n });
    expect((await end(pot)).told).toEqual(["paying 0", "waiting until 900", "refunding"]);
  });

  test("what was to be signed when the tab died is signed and paid, and a debt that the deposit covers", async () => {
    const owed = [
      { lane: A, intent: 50n },
      { lane: B, signed: 20n, debt: 5n },
    ];
    const pot = await paying({ deposit: 1_000n, owed });
    expect((await end(pot)).settlement).toMatchObject({ paid: 75n });
  });

  test("a voucher shown during the challenge is paid when it is over, a wei too", async () => {
    const pot = await paying({ deposit: 300n, owed: [{ lane: A, signed: 299n }] });
    pot.at(500, () => show(pot, B, 1n));
    const { settlement, told } = await end(pot);
    expect(settlement).toMatchObject({ paid: 300n, refunded: 0n });
    expect(told).toEqual(["paying 1", "waiting until 900", "paying 1", "refunding"]);
    expect(pot.times("pay")).toEqual([0, 900]);
    // Nothing is left to withdraw.
    expect(pot.times("withdraw")).toEqual([]);
  });

  test("a refund of a single wei is withdrawn", async () => {
    const pot = await paying({ deposit: 300n, owed: [{ lane: A, signed: 299n }] });
    expect((await end(pot)).settlement).toMatchObject({ refunded: 1n });
    expect(await pot.chain.credit(wallet.address, { signal })).toBe(0n);
    expect(pot.books.record.withdrawn).toMatch(/^0x/);
  });

  test("a pot that is closing already is paid from and waited for, and a final one is only accounted for", async () => {
    const pot = await paying({ deposit: 1_000n, owed: [{ lane: A, signed: 300n }] });
    await pot.chain.startClose(wallet, pot.config, { signal });
    pot.chain.pass(400);
    expect((await end(pot)).told).toEqual(["paying 1", "waiting until 900", "refunding"]);
    expect(pot.times("startClose")).toEqual([]);
    const final = await paying({ deposit: 1_000n, owed: [{ lane: A, signed: 300n }] });
    await final.claim(A, 300n);
    await final.chain.startClose(wallet, final.config, { signal });
    final.chain.pass(CHALLENGE);
    await final.chain.finalizeClose(wallet, final.config, { signal });
    const { settlement, told } = await end(final);
    expect([settlement.paid, settlement.refunded, told]).toEqual([300n, 700n, []]);
    expect(final.pauses).toEqual([]);
  });
});

describe("guarantees at the end", () => {
  const blocked = async (seconds: number) => {
    const owed = [{ lane: A, signed: 900n }, { lane: B }];
    const pot = await paying({ deposit: 1_000n, owed });
    guarantee(pot, B, 600n, seconds);
    return pot;
  };

  test("a guarantee that ends a minute before the pot would is no reason to wait, and the lane is paid in the second after it", async () => {
    const pot = await blocked(CHALLENGE - 60);
    const { settlement, told } = await end(pot);
    expect(settlement.paid).toBe(900n);
    expect(told).toEqual([
      ...["paying 1", "waiting until 1740", "paying 1", "waiting until 1740", "refunding"],
    ]);
    expect(pot.times("startClose")).toEqual([0]);
    expect(pot.times("pay")).toEqual([0, 841]);
    expect(pot.times("events")).toEqual([1741]);
  });

  test("one that ends a second later is waited for until a minute is left", async () => {
    const pot = await blocked(CHALLENGE - 59);
    const { settlement, told } = await end(pot);
    expect(settlement.paid).toBe(900n);
    expect(told.slice(0, 3)).toEqual(["paying 1", "waiting until 841", "waiting until 1741"]);
    expect(pot.times("startClose")).toEqual([1]);
  });

  test("paying is not tried while the guarantee lives, and again in the second after its last", async () => {
    const pot = await blocked(100);
    await end(pot);
    const looks = pot.times("look").filter((at) => at > 0 && at < 1_000);
    expect([looks[0], new Set(looks)]).toEqual([101, new Set([101])]);
  });

  test("one that is in its last second when the lanes are paid is waited out, as any other", async () => {
    const pot = await blocked(0);
    expect((await end(pot)).settlement.paid).toBe(900n);
    expect(pot.times("pay")).toEqual([0, 1]);
  });

  test("a guarantee that nobody needs gone holds nothing up", async () => {
    const pot = await paying({
      deposit: 1_000n,
      owed: [{ lane: A, signed: 300n }, { lane: B }],
    });
    guarantee(pot, B, 600n, 3_000);
    const { told } = await end(pot);
    expect(told).toEqual(["paying 1", "waiting until 3900", "refunding"]);
    expect(pot.times("startClose")).toEqual([0]);
    expect(pot.times("look").filter((at) => at > 0 && at < 3_900)).toEqual([]);
  });
});

describe("whom the end leaves unpaid", () => {
  test("lanes that nothing is left for are told before the refund", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 100n, debt: 1n }] });
    await end(pot);
    expect(pot.news).toEqual(unpaid(1, 1n));
  });

  test("a pot that others' claims have emptied says whom it did not pay, and pays nobody", async () => {
    const owed = [
      { lane: A, signed: 100n },
      { lane: B, signed: 40n },
    ];
    const pot = await paying({ deposit: 100n, owed });
    await pot.claim(A, 100n);
    expect((await end(pot)).told).toEqual(["waiting until 900", "refunding"]);
    expect(pot.news).toEqual(unpaid(1, 40n));
  });

  test("a lane that its worker claimed meanwhile is not said to be unpaid", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }], spare: 0n });
    pot.at(300, () => pot.claim(A, 60n));
    pot.at(400, () => pot.claim(B, 40n));
    expect((await end(pot)).settlement).toMatchObject({ paid: 100n });
    expect(pot.times("pay")).toEqual([]);
    expect(pot.news).toEqual([]);
  });

  test("a payment that the chain refuses is tried every half minute, and the pot ends all the same", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }] });
    pot.chain.instead.pay = failing("CHAIN_REVERTED");
    const { settlement, told } = await end(pot);
    expect(settlement).toMatchObject({ paid: 0n, refunded: 100n });
    expect(pot.times("pay")).toEqual(Array.from({ length: 31 }, (_, n) => 30 * n));
    expect(pot.times("finalizeClose")).toEqual([900]);
    expect(told.slice(0, 3)).toEqual(["paying 1", "waiting until 900", "paying 1"]);
    expect(pot.news).toEqual(unpaid(1, 60n));
  });

  test("a lane that cannot be paid when the challenge is over is tried five times before the end", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }] });
    pot.at(500, () => {
      pot.chain.instead.pay = failing("CHAIN_REVERTED");
      return show(pot, B, 7n);
    });
    await end(pot);
    expect(pot.times("pay")).toEqual([0, 900, 901, 902, 903, 904]);
    expect(pot.times("finalizeClose")).toEqual([904]);
    expect(pot.news).toEqual(unpaid(1, 7n));
  });

  test("one that is paid at the third try ends the pot in the same second, and nobody is unpaid", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }] });
    pot.at(500, () => {
      pot.chain.instead.pay = failing("CHAIN_REVERTED");
      return show(pot, B, 7n);
    });
    pot.at(902, () => delete pot.chain.instead.pay);
    expect((await end(pot)).settlement.paid).toBe(67n);
    expect(pot.times("finalizeClose")).toEqual([902]);
    expect(pot.news).toEqual([]);
  });

  test("where the lanes cannot even be looked at people are told that nobody is paid, once", async () => {
    const pot = await paying({ deposit: 100n });
    pot.chain.instead.look = failing("CHAIN_REVERTED");
    pot.at(100, () => delete pot.chain.instead.look);
    expect((await end(pot)).told).toEqual(["paying 0", "waiting until 900", "refunding"]);
  });
});

describe("an end that meets trouble", () => {
  test("a server that is away delays the payment, and the close waits for it", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }] });
    pot.chain.instead.pay = failing("CHAIN_UNREACHABLE");
    pot.at(3, () => delete pot.chain.instead.pay);
    const { settlement, told } = await end(pot);
    expect(settlement.paid).toBe(60n);
    expect(told.slice(0, 4)).toEqual(["paying 1", "delayed", "paying 1", "delayed"]);
    expect(pot.times("startClose")).toEqual([3]);
  });

  test.each([
    ["a disk that is full", new StoreError({ code: "STORE_CLOSED" }, "the disk is full")],
    ["a mistake of ours", new TypeError("a mistake")],
  ])("%s ends the try with its own error", async (_, error) => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }] });
    pot.chain.instead.pay = async () => {
      throw error;
    };
    await expect(end(pot)).rejects.toBe(error);
    expect(pot.times("startClose")).toEqual([]);
  });

  test("a close that the chain undoes is made again, and what is owed by then is paid before", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }] });
    pot.at(50, () => show(pot, B, 7n));
    pot.at(100, () => pot.chain.close(pot.potId, 0));
    const { told } = await end(pot);
    expect(pot.times("pay")).toEqual([0, 100]);
    expect(pot.times("startClose")).toEqual([0, 100]);
    expect(told).toEqual([
      ...["paying 1", "waiting until 900", "paying 1", "waiting until 1000", "refunding"],
    ]);
  });

  test("an end that the chain undoes is made again", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: A, signed: 60n }] });
    pot.chain.instead.finalizeClose = async () => {
      delete pot.chain.instead.finalizeClose;
      return { hash: "0x01", block: 1n, gas: 1n, cost: 1n as never, events: [] };
    };
    expect((await end(pot)).settlement).toMatchObject({ paid: 60n, refunded: 40n });
    expect(pot.times("finalizeClose")).toEqual([900, 901]);
  });

  test("a session key that cannot be emptied is kept with its reason, and goes home another time", async () => {
    const pot = await paying({ deposit: 100n });
    pot.chain.instead.sweep = failing("CHAIN_REVERTED");
    const { settlement } = await end(pot);
    expect(pot.news).toEqual([{ type: "keyKept", why: "it failed" }]);
    expect(pot.books.key).toBe(pot.key);
    pot.chain.instead.sweep = async () => {
      throw new TypeError("a mistake");
    };
    await expect(end(pot)).rejects.toThrow("a mistake");
    expect(pot.books.key).toBe(pot.key);
    delete pot.chain.instead.sweep;
    expect((await end(pot)).settlement).toEqual(settlement);
    expect(pot.books.key).toBeUndefined();
  });
});

describe("who sends the end", () => {
  test("without a session key the payer's wallet does all, and no key is emptied", async () => {
    const owed = [{ lane: A, signed: 60n }];
    const pot = await paying({ deposit: 100n, owed, key: false });
    expect((await end(pot, wallet)).settlement).toMatchObject({ paid: 60n, refunded: 40n });
    expect(new Set(payments(pot).map(({ by }) => by))).toEqual(new Set([wallet.address]));
    expect(pot.times("sweep")).toEqual([]);
    expect(pot.news).toEqual([]);
  });

  test("with neither the end is refused", async () => {
    const pot = await paying({ deposit: 100n, key: false });
    await expect(end(pot)).rejects.toMatchObject({ code: "POT_CLOSED" });
  });

  test("a key that has run dry has the wallet at hand asked for the close and for the refund", async () => {
    const pot = await paying({ deposit: 100n });
    pot.chain.coins.set(pot.key.address, 0n);
    expect((await end(pot, wallet)).settlement).toMatchObject({ refunded: 100n });
    expect(pot.news).toEqual([
      { type: "walletAsked", step: "close" },
      { type: "walletAsked", step: "close" },
      { type: "walletAsked", step: "refund" },
    ]);
  });

  test("a key that has run dry is told so where no wallet is at hand", async () => {
    const pot = await paying({ deposit: 100n });
    pot.chain.coins.set(pot.key.address, 0n);
    await expect(end(pot)).rejects.toMatchObject({ code: "CHAIN_INSUFFICIENT" });
    expect(pot.news).toEqual([]);
  });

  test("what the chain refuses the key is not asked of the wallet", async () => {
    const pot = await paying({ deposit: 100n });
    pot.chain.instead.startClose = failing("CHAIN_REVERTED");
    await expect(end(pot, wallet)).rejects.toThrow("it failed");
    expect(pot.times("startClose")).toEqual([0]);
    pot.chain.instead.startClose = async () => {
      throw new TypeError("a mistake");
    };
    await expect(end(pot, wallet)).rejects.toThrow("a mistake");
    expect(pot.news).toEqual([]);
  });
});

describe("a pot that the chain has forgotten", () => {
  const raw = "0x02" as const;
  const signature = `0x${"11".repeat(65)}` as const;
  const authorization = {
    ...{ amount: "100", validBefore: NOW + 3_600, authSalt: `0x${"01".repeat(32)}` as const },
    signerGas: "0",
  };
  const deposit = async (pot: Paying) => {
    const options = { amount: 100n as Amount, signerGas: 0n as never, signal };
    return pot.chain.deposit(wallet, pot.config, options);
  };

  test("its deposit's own bytes are sent again, and it is settled", async () => {
    const pot = await paying({ deposit: 100n, record: { raw }, deposited: false });
    const resent: unknown[] = [];
    pot.chain.instead.resend = async (bytes) => {
      resent.push(bytes);
      return deposit(pot);
    };
    expect((await end(pot)).settlement).toMatchObject({ deposited: 100n, refunded: 100n });
    expect(resent).toEqual([raw]);
    expect(pot.news).toEqual([{ type: "depositResent" }]);
  });

  test("its deposit that was authorized is brought again, and it is settled", async () => {
    const signed = { ...authorization, signature };
    const pot = await paying({
      ...{ deposit: 100n, record: { authorization: signed }, deposited: false },
    });
    const brought: Parameters<Chain["depositWithAuthorization"]>[2][] = [];
    Object.assign(pot.chain.instead, {
      authorizationUsed: async () => false,
      depositWithAuthorization: async (
        ...[, , given]: Parameters<Chain["depositWithAuthorization"]>
      ) => {
        brought.push(given);
        return deposit(pot);
      },
    } satisfies Partial<Chain>);
    expect((await end(pot)).settlement).toMatchObject({ deposited: 100n, refunded: 100n });
    expect(brought).toMatchObject([{ amount: 100n, signature }]);
    expect(pot.news).toEqual([{ type: "depositResent" }]);
  });

  test("one whose deposit does not come back is said not to be open", async () => {
    const pot = await paying({ deposit: 100n, record: { raw }, deposited: false });
    pot.chain.instead.resend = async () => deposit(await paying({ deposit: 1n }));
    await expect(end(pot)).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
  });

  test.each([
    ["that nothing is kept of", {}, true],
    ["whose key has gone home", { authorization: { ...authorization, signature } }, false],
  ])("one %s is said not to be open, and nothing is said to be sent", async (_, record, key) => {
    const pot = await paying({ deposit: 100n, record, key, deposited: false });
    await expect(end(pot, wallet)).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(pot.news).toEqual([]);
    const sent = ["resend", "depositWithAuthorization", "deposit"].flatMap(pot.times);
    expect(sent).toEqual([]);
  });

  test("one whose wallet never signed the deposit ends with nothing paid in, and nothing is sent", async () => {
    const pot = await paying({ deposit: 100n, record: { authorization }, deposited: false });
    expect((await end(pot)).settlement).toMatchObject({ deposited: 0n, refunded: 0n });
    expect(pot.news).toEqual([{ type: "depositUndone", deposited: 100n }]);
    expect(pot.times("depositWithAuthorization")).toEqual([]);
  });

  test("one whose deposit's number is refused and is no other's is not said to be undone", async () => {
    const pot = await paying({ deposit: 100n, record: { raw }, deposited: false });
    // As a server says that lacks the account's transaction before it, or one that is ahead of those that are asked.
    pot.chain.instead.resend = async () => {
      throw new ChainError({ code: "CHAIN_NONCE" }, "nonce too high");
    };
    pot.at(60, () => deposit(pot));
    expect((await end(pot)).settlement).toMatchObject({ deposited: 100n, refunded: 100n });
    expect(pot.news).toEqual([]);
  });

  test("one whose deposit's number is another's is undone when three looks say so, and who is unpaid is told", async () => {
    const pot = await paying({
      ...{ deposit: 100n, record: { raw }, deposited: false },
      owed: [
        { lane: A, signed: 100n },
        { lane: B, intent: 0n, debt: 7n },
      ],
    });
    pot.chain.instead.resend = async () => {
      const reason = { hash: raw, account: wallet.address, nonce: 0 };
      throw new ChainError({ code: "CHAIN_REPLACED", ...reason }, "replaced");
    };
    const none = { deposited: 0n, paid: 0n, refunded: 0n, lanes: [] };
    const gas = { open: 0n, claimOrPay: 0n, close: 0n };
    expect((await end(pot)).settlement).toMatchObject({ ...none, gas });
    expect(pot.times("resend")).toEqual([0, 2, 4]);
    expect(pot.news).toEqual([{ type: "depositUndone", deposited: 100n }, ...unpaid(2, 107n)]);
  });

  test.each(["cancelled", "not brought"])(
    "one whose authorization was %s is undone in the second when its time is over, and no sooner",
    async (how) => {
      const signed = { ...authorization, signature };
      const record = { authorization: signed };
      const pot = await paying({
        ...{ deposit: 100n, record, deposited: false, owed: [{ lane: A, signed: 1n }] },
      });
      const { chain } = pot;
      chain.instead.authorizationUsed = async () => how === "cancelled";
      chain.instead.depositWithAuthorization = failing("CHAIN_REVERTED");
      chain.pass(3_599);
      const soon = end(pot);
      if (how === "cancelled") await expect(soon).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
      else await expect(soon).rejects.toMatchObject({ code: "CHAIN_REVERTED" });
      expect(pot.news).toEqual([]);
      chain.pass(1);
      await end(pot);
      expect(pot.news).toEqual([{ type: "depositUndone", deposited: 100n }, ...unpaid(1, 1n)]);
    },
  );

  test("a block from before an authorization's time was over does not show that it never came", async () => {
    const signed = { ...authorization, signature };
    const pot = await paying({ deposit: 100n, record: { authorization: signed } });
    const { chain, potId } = pot;
    chain.pass(3_600);
    // Behind one address: a server that stands still at the pot's first block, and one that knows the rest.
    const missing = { ...(await chain.pot(potId, { signal })), exists: false };
    const stale = async () => missing;
    Object.assign(chain.instead, {
      authorizationUsed: async () => true,
      pot: stale,
      look: async () => ({ pot: missing, lanes: [], now: NOW }),
    } satisfies Partial<Chain>);
    await expect(end(pot)).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(pot.news).toEqual([]);
    expect(pot.books.record.settlement).toBeUndefined();
  });

  test("a pot that the chain knows is sent no deposit, whatever is kept of it", async () => {
    const pot = await paying({ deposit: 100n, record: { raw } });
    await end(pot);
    expect(pot.times("resend")).toEqual([]);
  });

  test("a final pot is final however long ago it closed", async () => {
    const pot = await paying({ deposit: 100n, owed: [{ lane: C, signed: 100n }] });
    await pot.claim(C, 100n);
    pot.chain.close(pot.potId, FINALIZED);
    expect((await end(pot)).settlement).toMatchObject({ paid: 100n, refunded: 0n });
    expect(pot.times("now")).toEqual([]);
  });
});

describe("a pot whose deposit the chain has undone for good", () => {
  const raw = "0x02" as const;
  const cancelled = {
    ...{ amount: "100", validBefore: NOW + 3_600, authSalt: `0x${"01".repeat(32)}` as const },
    ...{ signature: `0x${"11".repeat(65)}` as const, signerGas: "0" },
  };
  /** A pot of 100 that the chain does not know, whose deposit's nonce another transaction has taken. */
  const replaced = async (options: Partial<PayingOptions> = {}) => {
    const pot = await paying({ deposit: 100n, record: { raw }, ...options, deposited: false });
    pot.chain.instead.resend = failing("CHAIN_REPLACED");
    return pot;
  };

  test("it is looked at three times within four seconds, and ends with nothing paid, signed or owed", async () => {
    const pot = await replaced({
      owed: [{ lane: A, signed: 100n }, { lane: B, debt: 5n }, { lane: C }],
    });
    const { settlement, told } = await end(pot);
    const gas = { open: 0n, claimOrPay: 0n, close: 0n };
    expect(settlement).toEqual({
      ...{ chainId: 31_337, contract: getAddress(`0x${"ab".repeat(20)}`), potId: pot.potId },
      ...{ deposited: 0n, paid: 0n, refunded: 0n },
      ...{ lanes: [], gas },
    });
    expect(told).toEqual([]);
    expect(pot.news).toEqual([{ type: "depositUndone", deposited: 100n }, ...unpaid(2, 105n)]);
    expect(pot.times("pot")).toEqual([0, 2, 4]);
    expect(["pay", "startClose", "finalizeClose", "withdraw"].flatMap(pot.times)).toEqual([]);
    expect(pot.books.key).toBeUndefined();
  });

  test("a single lane that was signed for is told to be unpaid", async () => {
    const pot = await replaced({ owed: [{ lane: A, signed: 1n }] });
    await end(pot);
    expect(pot.news.slice(1)).toEqual(unpaid(1, 1n));
  });

  test("the third look finds a pot that two servers' blocks had not got, and it is paid", async () => {
    const pot = await replaced({ owed: [{ lane: A, signed: 60n }] });
    pot.at(3, () =>
      pot.chain.deposit(wallet, pot.config, {
        ...{ amount: 100n as Amount, signerGas: 0n as never, signal },
      }),
    );
    expect((await end(pot)).settlement).toMatchObject({ paid: 60n, refunded: 40n });
    expect(pot.times("pot").slice(0, 3)).toEqual([0, 2, 4]);
    expect(pot.news).toEqual([]);
  });

  test("an authorization that the token has noted may be a pot that a server lacks, until the second in which it is void", async () => {
    const pot = await paying({
      deposit: 100n,
      record: { authorization: cancelled },
      deposited: false,
    });
    pot.chain.instead.authorizationUsed = async () => true;
    pot.chain.pass(3_599);
    await expect(end(pot)).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(pot.news).toEqual([]);
    pot.chain.pass(1);
    expect((await end(pot)).settlement).toMatchObject({ deposited: 0n, paid: 0n });
    expect(pot.news).toEqual([{ type: "depositUndone", deposited: 100n }]);
  });

  test("a deposit that a block has is a pot that the server lacks, however late it is", async () => {
    const pot = await replaced();
    pot.chain.instead.sent = async () => ({
      ...{ hash: "0x01", block: 1n, gas: 1n, cost: 1n as never, events: [] },
    });
    pot.chain.pass(100_000);
    await expect(end(pot)).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(pot.times("resend")).toEqual([]);
    expect(pot.news).toEqual([]);
  });

  test("while a wallet's top-up may still arrive the pot is not over, and once it is replaced it is", async () => {
    const asked = {
      from: wallet.address,
      at: NOW,
      hash: `0x${"55".repeat(32)}`,
      nonce: 3,
    } as const;
    const pot = await replaced({
      record: {
        raw,
        toppedUp: [
          { amount: "5", asked },
          { amount: "7", raw },
        ],
      },
    });
    pot.chain.instead.fate = async () => "open";
    await expect(end(pot)).rejects.toMatchObject({ code: "POT_NOT_OPENED" });
    expect(pot.news).toEqual([]);
    pot.chain.instead.fate = async () => "void";
    expect((await end(pot)).settlement).toMatchObject({ deposited: 0n });
  });
});
