import { type Amount, type Clock, type Millis, secureRandom, systemClock } from "@tabcast/runtime";
import { type PrivateKeyAccount, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { Chain } from "../src/chain/chain.ts";
import { potId as potIdOf, separator } from "../src/config.ts";
import { Ledger as Books } from "../src/payer/ledger.ts";
import type { PotParts } from "../src/payer/parts.ts";
import type * as Payer from "../src/payer/payer.ts";
import type { PotRecord } from "../src/payer/pot-record.ts";
import { memory } from "../src/store/memory.ts";
import type { Address, Domain, Hex, Lane, PotConfig, PotNews } from "../src/types.ts";
import { type Ledger, ledger } from "./ledger.ts";

/** Wei that each transaction costs beside its gas, unless a test says otherwise; a unit of gas costs a wei. */
export const BYTES = 1_000n;
/** What must stay with the session key for the end of the pot. */
export const END = 200_000n + 4n * BYTES;

const domain: Domain = { chainId: 31337, contract: `0x${"ab".repeat(20)}` };
const key = privateKeyToAccount(`0x${"22".repeat(32)}`);
/** The payer's wallet. */
export const wallet = privateKeyToAccount(`0x${"33".repeat(32)}`);
/** Requests in one test: more than any needs, and few enough to be refused at once where a loop does not end. */
const MOST = 20_000;
/** Pauses in one test. */
const MOST_PAUSES = 4_000;

/** A lane of a worker that nobody else is. */
export const lane = (n: number): Lane => ({ payee: toHex(0xabc000 + n, { size: 20 }), lane: n });

/** What the books say of a lane: signed in full unless said otherwise. */
export interface Owed {
  readonly lane: Lane;
  readonly signed?: bigint;
  readonly intent?: bigint;
  readonly debt?: bigint;
}

export interface PayingOptions {
  readonly deposit: bigint;
  readonly owed?: readonly Owed[];
  /** False: the session key has gone home. */
  readonly key?: boolean;
  /** What the session key has beyond what ends the pot, wei. Default: all it could need. */
  readonly spare?: bigint;
  /** Beside the usual of the record and of the config. */
  readonly record?: Partial<PotRecord>;
  readonly config?: Partial<PotConfig>;
  /** False: the chain does not know the pot. */
  readonly deposited?: boolean;
}

/** A request of the payer's side, and how many seconds of the chain had passed. */
export interface Call {
  readonly name: string;
  readonly at: number;
  readonly args: readonly unknown[];
}

/** A broadcaster's pot over a chain in memory, whose clock goes on by what is slept. */
export interface Paying {
  readonly chain: Ledger;
  readonly parts: PotParts;
  readonly books: Books;
  readonly potId: Hex;
  readonly config: PotConfig;
  readonly key: PrivateKeyAccount;
  readonly news: PotNews[];
  readonly calls: readonly Call[];
  /** Milliseconds of each pause. */
  readonly pauses: readonly number[];
  /** Done at the chain's second, from the start of the test, while somebody sleeps. */
  at(second: number, work: () => unknown): void;
  /** The seconds in which something was asked or sent. */
  times(name: string): number[];
  /** What each lane was paid. */
  paid(...lanes: readonly Lane[]): Promise<readonly bigint[]>;
  /** Pays a lane past the code under test, as its worker's claim does. */
  claim(lane: Lane, cumulative: bigint): Promise<void>;
}

const laneBook = ({ lane, signed, intent = signed ?? 0n, debt }: Owed): Payer.LaneBook => ({
  ...lane,
  intent: intent as Amount,
  ...(debt !== undefined && { debt: debt as Amount }),
  ...(signed !== undefined && { signed: { cumulative: signed as Amount, signature: "0x01" } }),
});

export async function paying(options: PayingOptions): Promise<Paying> {
  const { deposit, owed = [], spare, deposited = true } = options;
  const chain = ledger(domain, { most: MOST });
  chain.fees.transaction = BYTES;
  const config: PotConfig = {
    payer: wallet.address,
    signer: key.address,
    token: `0x${"00".repeat(20)}`,
    challengePeriod: 900,
    salt: `0x${"07".repeat(32)}`,
    ...options.config,
  };
  const potId = potIdOf(separator(domain), config);
  const { signal } = new AbortController();
  const amount = deposit as Amount;
  if (deposited) await chain.deposit(wallet, config, { amount, signerGas: 0n as never, signal });
  chain.coins.set(key.address, spare === undefined ? 10n ** 18n : END + spare);

  const [news, calls, pauses]: [PotNews[], Call[], number[]] = [[], [], []];
  const due = new Map<number, () => unknown>();
  let passed = 0;
  const clock: Clock = {
    ...systemClock,
    now: () => (passed * 1000) as Millis,
    async sleep(ms, { signal } = {}) {
      if (pauses.push(ms) > MOST_PAUSES) throw new RangeError(`${MOST_PAUSES} pauses and no end`);
      for (let left = Math.ceil(ms / 1000); left > 0; left--) {
        passed++;
        chain.pass(1);
        await due.get(passed)?.();
      }
      signal?.throwIfAborted();
    },
  };
  const watched = new Proxy(chain as Chain, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== "function" || name === "then") return value;
      return (...args: readonly unknown[]) => {
        calls.push({ name: String(name), at: passed, args });
        return value(...args);
      };
    },
  });
  const record = {
    ...{ domain, config, state: "open", deposited: `${deposit}`, from: "0" },
    ...options.record,
  } as PotRecord;
  const tell = (one: PotNews) => void news.push(one);
  const books = new Books({
    store: memory(),
    record,
    lanes: owed.map(laneBook),
    key: options.key === false ? undefined : key,
    tell,
    reserve() {},
  });
  return {
    ...{ chain, books, potId, config, key, news, calls, pauses },
    parts: { chain: watched, clock, random: secureRandom, ledger: books, tell },
    at: (second, work) => void due.set(second, work),
    times: (name) => calls.filter((call) => call.name === name).map(({ at }) => at),
    paid: async (...lanes) =>
      (await chain.lanes(potId, lanes, { signal })).map(({ claimed }) => claimed),
    claim: async (of, cumulative) =>
      void (await chain.pay(wallet, config, [{ ...of, cumulative: cumulative as Amount }], {
        signal,
      })),
  };
}

/** The rows and the freed lanes of each payment that was sent, and by whom. */
export const payments = ({ calls }: Paying) =>
  calls
    .filter(({ name }) => name === "pay")
    .map(({ args }) => {
      const [{ address }, , rows, { lapsed = [] }] = args as unknown as Parameters<Chain["pay"]>;
      return {
        by: address as Address,
        rows: rows.map(({ lane, cumulative }) => [lane, cumulative] as const),
        freed: lapsed.map(({ lane }) => lane),
      };
    });
