import { type Amount, type Clock, systemClock, type Wei } from "@tabcast/runtime";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { DOLLARS, FEE, type MemoryChain, memoryChain } from "../../test/memory-chain.ts";
import { ChainError, type Wallet } from "../chain/chain.ts";
import { PotError } from "../config.ts";
import { type Currency, coin } from "../currency.ts";
import { memory } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import type { PayerPot } from "../types.ts";
import { DAY_S } from "./asked.ts";
import { openPot, resumePot } from "./open-pot.ts";
import { unsettled } from "./pot-record.ts";

/* A tab that dies at any write of a top-up, and comes back: what was asked for is paid once, and no coin is left behind. */

const signal = AbortSignal.timeout(60_000);
const COINS = 10n ** 9n;
const DEPOSIT = 10_000n as Amount;
const MORE = 900n as Amount;
/** Writes of a top-up at most, its gas included. */
const MOST_WRITES = 8;
/** Seconds after which a dialog that was not answered is over. */
const DIALOG_OVER = 700;

/** A clock on which every pause is a moment. */
const hurried: Clock = {
  ...systemClock,
  sleep: (ms, options) => systemClock.sleep(Math.min(ms, 2), options),
};

/** A tab's store, and its death: from then on nothing is written, the write in which it dies only if `written`. */
function mortal(store: Store, written: boolean) {
  let left = Number.POSITIVE_INFINITY;
  const own: Store = Object.assign(Object.create(store), {
    async write(changes: Parameters<Store["write"]>[0]) {
      if (left > 0 || (left === 0 && written)) await store.write(changes);
      if (left-- <= 0) throw new Error("the tab died");
    },
  });
  const dieAfter = (writes: number) => {
    left = writes;
  };
  return { store: own, dieAfter, isDead: () => left < 0 };
}

/** A browser's wallet whose person agrees to everything at once. */
function agreeing(key: PrivateKeyAccount): Wallet {
  const request = async ({ method, params }: { method: string; params?: unknown }) => {
    if (method === "eth_chainId") return "0x7a69";
    if (method !== "eth_signTypedData_v4") return undefined;
    const typed = JSON.parse((params as [string, string])[1]);
    delete typed.types.EIP712Domain; // viem makes it itself
    return key.signTypedData(typed);
  };
  return { address: key.address, provider: { request } };
}

interface Death {
  readonly currency: Currency;
  readonly byWallet: boolean;
  readonly written: boolean;
  /** What became of the transaction that the tab did not see in a block. */
  readonly fate: "mined" | "kept waiting" | "dropped";
}

/** What the same call finds out another time. */
const mayArrive = (error: unknown) =>
  (error instanceof PotError && error.code === "POT_ASKED_BEFORE") ||
  (error instanceof ChainError && error.code === "CHAIN_UNCONFIRMED");

/** Asks for the top-up until it is known to be there. */
async function insist(
  net: MemoryChain,
  pot: PayerPot,
  key: PrivateKeyAccount,
  { fate }: Death,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await pot.topUp(MORE, { signal });
    } catch (error) {
      if (!mayArrive(error) || tries > 3) throw error;
      if (fate !== "dropped") net.end("mined");
      // Its number goes to another, so that it can never come.
      else await net.chain.sendCoins(key, key.address, { amount: 1n as Wei, signal });
      net.warp(DIALOG_OVER);
    }
  }
}

/** One life of a tab that dies after so many writes, and the next; false if the first outlived its top-up. */
async function twoLives(writes: number, death: Death): Promise<boolean> {
  const { currency, byWallet, written, fate } = death;
  const net = memoryChain(currency);
  const { chain } = net;
  const key = privateKeyToAccount(generatePrivateKey());
  net.give(key.address, COINS, 4n * DEPOSIT);
  const payer = byWallet ? agreeing(key) : key;
  const disk = memory();
  const common = { rpc: "memory:", chain, currency, clock: hurried, signal, payer };
  const tab = mortal(disk.share(), written);
  const first = await openPot({
    ...{ ...common, domain: chain.domain, deposit: DEPOSIT, store: tab.store },
    ...{ challengePeriod: 900, signerGas: 0n as Wei },
  });
  net.held = fate !== "mined";
  tab.dieAfter(writes);
  await first.topUp(MORE, { signal }).catch(() => {});
  await first.close();
  net.held = false;
  if (fate !== "kept waiting") net.end(fate);

  const again = await resumePot({ ...common, potId: first.potId, store: disk.share() });
  // What is there already its owner sees, and does not ask for again.
  if (again.balances().deposited === DEPOSIT) await insist(net, again, key, death);
  net.end("mined");
  const { balance } = await chain.pot(again.potId, { signal });
  expect({ writes, balance }).toEqual({ writes, balance: DEPOSIT + MORE });
  expect(again.balances().deposited).toBe(balance);

  const settle = () =>
    again.settle({
      signal,
      progress: (step) => step.step === "waiting" && net.warp(step.until - step.now),
    });
  await settle();
  // The key waits a day for the gas of a dialog whose answer was not heard.
  net.warp(DAY_S);
  await settle();
  expect(await unsettled(disk)).toEqual([]);
  // What is worth no transaction stays.
  expect(await chain.balance(again.config.signer, { signal })).toBeLessThanOrEqual(FEE);
  await again.close();
  return tab.isDead();
}

const deaths = [coin(), DOLLARS].flatMap((currency) =>
  [true, false].flatMap((byWallet) =>
    [true, false].flatMap((written) =>
      (["mined", "kept waiting", "dropped"] as const).map((fate) => ({
        ...{ currency, byWallet, written, fate },
        what: `${currency.symbol} by ${byWallet ? "a browser's wallet" : "a key in the tab"}`,
        when: written ? "after" : "at",
      })),
    ),
  ),
);

test.each(deaths)(
  "a top-up of $what, whose tab dies $when any of its writes and whose transaction is $fate, is paid once",
  async (death) => {
    let died = 0;
    for (let writes = 0; writes < MOST_WRITES; writes++) if (await twoLives(writes, death)) died++;
    expect(died).toBeGreaterThan(1);
    expect(died).toBeLessThan(MOST_WRITES); // else there are writes that it did not die at
  },
);
