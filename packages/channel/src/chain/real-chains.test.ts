import { tabcastPotAbi } from "@tabcast/contracts";
import { type Amount, type Clock, systemClock, Wei } from "@tabcast/runtime";
import { encodeFunctionData, parseGwei } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { call } from "viem/actions";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import {
  busy,
  busyInside,
  dripping,
  endless,
  forgedReceipts,
  GARBAGE,
  garbage,
  hangsUp,
  LOG_REFUSALS,
  logLimits,
  losesAnswers,
  oldState,
  reorganise,
  sequencer,
  silent,
  wrongChain,
} from "../../test/chain-faults.ts";
import { arbitrum, opStack } from "../../test/chain-l2.ts";
import { type ChainProxy, chainProxy, only, sometimes, times } from "../../test/chain-proxy.ts";
import { provider } from "../../test/provider.ts";
import { potId, separator } from "../config.ts";
import type { Hex, PotConfig } from "../types.ts";
import { type Chain, ChainError, type ChainNews, type ConnectOptions, connect } from "./chain.ts";
import { logsOf } from "./logs.ts";
import { openRpc } from "./rpc.ts";

const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(240_000);
const signer = privateKeyToAccount(`0x${"33".repeat(32)}`);

let net: Anvil;
let line: ChainProxy;
let salts = 5000;
beforeAll(async () => {
  net = await anvil();
  await net.setBalance(signer, 10n ** 20n);
});
afterAll(() => net.close());
beforeEach(async () => {
  line = await chainProxy(net.rpc);
});
afterEach(async () => {
  await line.close();
  await net.cheat("evm_setAutomine", true);
  await net.cheat("anvil_dropAllTransactions");
  await net.cheat("anvil_setNextBlockBaseFeePerGas", `0x${parseGwei("1").toString(16)}`);
  await net.cheat("evm_mine");
});

/** A clock on which every sleep is a thousandth, and its time jumps by what was slept. `slept`: what was asked for. */
function hurried(passes = () => true): Clock & { readonly slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    ...systemClock,
    slept,
    now: () => now as ReturnType<Clock["now"]>,
    sleep: async (ms, options) => {
      slept.push(ms);
      await systemClock.sleep(Math.max(2, ms / 1000), options);
      if (passes()) now += ms;
    },
  };
}

function config(): PotConfig {
  return {
    payer: net.accounts[0].address,
    signer: signer.address,
    token: `0x${"00".repeat(20)}`,
    challengePeriod: 900,
    salt: `0x${(++salts).toString(16).padStart(64, "0")}`,
  };
}

async function port(options: Partial<ConnectOptions> = {}) {
  const news: ChainNews[] = [];
  const chain = await connect({
    domain: net.domain,
    rpc: line.rpc,
    signal,
    timeout: 2_000,
    clock: hurried(() => false),
    onNews: (item) => void news.push(item),
    ...options,
  });
  return { chain, news, types: () => news.map(({ type }) => type) };
}

const amounts = { amount: wei(1000n), signerGas: Wei.zero, signal };
const lane = { payee: `0x${"ab".repeat(20)}`, lane: 1 } as const;
const idOf = (cfg: PotConfig) => potId(separator(net.domain), cfg);
const balance = async (chain: Chain, cfg: PotConfig) =>
  (await chain.pot(idOf(cfg), { signal })).balance;
const nonceOf = async (address: string, tag = "latest") =>
  Number(await net.cheat("eth_getTransactionCount", address, tag));
/** Resolves once `done` holds. */
async function until(done: () => unknown): Promise<void> {
  while (!(await done())) await systemClock.sleep(5, { signal });
}
const waiting = (count: number) =>
  until(async () => {
    const { pending } = (await net.cheat("txpool_status")) as { pending: Hex };
    return Number(pending) >= count;
  });
/** What a promise failed with, as a ChainError; anything else is thrown. */
async function failure(work: Promise<unknown>): Promise<ChainError> {
  const error = await work.then(
    (value) => new Error(`it did not fail, it gave ${String(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ChainError)) throw error;
  return error;
}

/** Everything that can be read, by name. */
function reads(chain: Chain): Record<string, () => Promise<unknown>> {
  const waits = { signal };
  const id = `0x${"11".repeat(32)}` as const;
  const [payer] = net.accounts;
  return {
    pot: () => chain.pot(id, waits),
    lanes: () => chain.lanes(id, [lane], waits),
    credit: () => chain.credit(payer.address, waits),
    balance: () => chain.balance(payer.address, waits),
    now: () => chain.now(waits),
    height: () => chain.height(waits),
    gasPrice: () => chain.gasPrice(waits),
    events: () => chain.events(id, 0n, waits),
    history: () => chain.history(payer.address, waits),
    quote: () => chain.quote(payer.address, { do: "deposit", config: config(), ...amounts }, waits),
  };
}

describe("a busy server", () => {
  test("a server that asks for a pause of seconds gets it, and is asked again", async () => {
    const clock = hurried(() => false);
    const { chain } = await port({ clock });
    line.play(only(["eth_getBalance"], times(2, busy({ retryAfter: 3 }))));
    expect(await chain.balance(net.accounts[1].address, { signal })).toBeGreaterThan(0n);
    expect(clock.slept).toEqual([3000, 3000]);
  });

  test("a server that names a date for the pause is understood", async () => {
    const clock = {
      ...hurried(() => false),
      unix: () => 1_000_000_000_000 as ReturnType<Clock["unix"]>,
    };
    const { chain } = await port({ clock });
    const retryAfter = new Date(1_000_000_004_000).toUTCString();
    line.play(only(["eth_getBalance"], times(1, busy({ retryAfter }))));
    await chain.balance(net.accounts[1].address, { signal });
    expect(clock.slept).toEqual([4000]);
  });

  test("a server that asks for an hour is not waited for, and told with its hour", async () => {
    const clock = hurried(() => false);
    const { chain } = await port({ clock });
    line.play(busy({ retryAfter: 3600 }));
    const error = await failure(chain.balance(net.accounts[1].address, { signal }));
    expect(error.reason).toMatchObject({ code: "CHAIN_BUSY", seconds: 3600 });
    expect(error.message).toContain("no more questions for 3600 s");
    expect(clock.slept).toEqual([]);
    expect(line.asked.get("eth_getBalance")).toBe(1);
  });

  test.each([
    ["HTTP 429 without a pause", busy()],
    ["a JSON-RPC error inside HTTP 200", busyInside()],
  ])("a server that stays busy by %s is asked three times and no more", async (_, fault) => {
    const { chain } = await port();
    line.play(fault);
    const error = await failure(chain.balance(net.accounts[1].address, { signal }));
    expect(error.code).toBe("CHAIN_BUSY");
    expect(line.asked.get("eth_getBalance")).toBe(3);
  });

  test("a payment through a server that is busy for every third call is made once", async () => {
    const cfg = config();
    const { chain } = await port();
    await chain.deposit(net.accounts[0], cfg, amounts);
    line.play(sometimes({ seed: 11, share: 0.33 }, busy({ retryAfter: 1 })));
    await chain.pay(signer, cfg, [{ ...lane, cumulative: wei(7n) }], { signal });
    line.calm();
    expect(await balance(chain, cfg)).toBe(993n);
  });
});

describe("answers that are no answer", () => {
  test.each(Object.keys(GARBAGE))(
    "a server that answers with %s is told in one sentence, whatever was read",
    async (kind) => {
      const { chain } = await port();
      line.play(garbage(kind));
      for (const [name, read] of Object.entries(reads(chain))) {
        // A list without events and an object without fields are two things: no event is an answer.
        if (kind === "a list with nothing in it" && name === "events") continue;
        const error = await failure(read());
        expect(error.message, name).toMatch(/^[^\n]{10,300}$/);
        expect(["CHAIN_BAD_ANSWER", "CHAIN_UNREACHABLE", "CHAIN_FAILED"], name).toContain(
          error.code,
        );
      }
    },
  );

  test("a server whose answer has no end is cut off at some megabytes", async () => {
    const { chain } = await port({ timeout: 20_000 });
    const flood = endless();
    line.play(only(["eth_call"], flood.fault));
    const error = await failure(chain.pot(`0x${"11".repeat(32)}`, { signal }));
    expect(error.code).toBe("CHAIN_BAD_ANSWER");
    // Three tries of 8 MiB, and what lies in the buffers of both ends.
    expect(flood.sent()).toBeLessThan(40 * 1024 * 1024);
  });

  test.each([
    ["says nothing", silent],
    ["answers with a byte now and then", dripping],
    ["hangs up", hangsUp],
  ])("a server that %s is given up after three tries, by the clock", async (_, fault) => {
    const { chain } = await port({ timeout: 200 });
    line.play(fault);
    const start = performance.now();
    const error = await failure(chain.balance(net.accounts[1].address, { signal }));
    expect(error.code).toBe("CHAIN_UNREACHABLE");
    expect(line.asked.get("eth_getBalance")).toBe(3);
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

describe("a server that lies", () => {
  test("a server that says another chain's id is refused before anything else is asked", async () => {
    line.play(wrongChain(84_532));
    const error = await failure(port());
    expect(error.reason).toEqual({ code: "CHAIN_WRONG_ID", expected: 31_337, got: 84_532 });
    expect([...line.asked.keys()]).toEqual(["eth_chainId"]);
  });

  test.each([
    ["success", "0x1"],
    ["failure", "0x0"],
  ] as const)(
    "a made-up receipt of %s does not count: only what is in its block does",
    async (_, status) => {
      const cfg = config();
      const { chain } = await port();
      await net.cheat("evm_setAutomine", false);
      line.play(forgedReceipts({ status }));
      const before = await nonceOf(net.accounts[0].address);
      let done = false;
      const sending = chain.deposit(net.accounts[0], cfg, amounts).finally(() => {
        done = true;
      });
      await waiting(1);
      const asked = () => line.asked.get("eth_getTransactionReceipt") ?? 0;
      await until(() => asked() >= 6);
      expect(done).toBe(false);
      line.calm();
      await net.cheat("evm_mine");
      expect((await sending).events).toMatchObject([{ type: "opened" }, { type: "deposited" }]);
      expect(await nonceOf(net.accounts[0].address)).toBe(before + 1);
    },
  );

  test("a server that names another transaction than the one it was given is not believed", async () => {
    const raws: Hex[] = [];
    const { chain } = await port();
    line.play(only(["eth_sendRawTransaction"], () => ({ result: `0x${"77".repeat(32)}` })));
    const before = async (raw: Hex) => void raws.push(raw);
    const error = await failure(chain.deposit(net.accounts[0], config(), { ...amounts, before }));
    expect(error.reason).toMatchObject({
      code: "CHAIN_BAD_ANSWER",
      method: "eth_sendRawTransaction",
    });
    // The bytes are known, so that the same deposit can be sent by another server.
    expect(raws).toHaveLength(1);
    line.calm();
    expect((await chain.resend(raws[0] as Hex, { signal })).events).toMatchObject([
      { type: "opened" },
      { type: "deposited", amount: 1000n },
    ]);
  });

  test("a second server that tells another code of the contract ends the connection", async () => {
    const witness = await chainProxy(net.rpc);
    await expect(port({ witness: witness.rpc })).resolves.toBeDefined();
    line.play(only(["eth_getCode"], () => ({ result: "0x6001" })));
    const error = await failure(port({ witness: witness.rpc }));
    expect(error.reason).toMatchObject({ code: "CHAIN_DISAGREES", method: "eth_getCode" });
    await witness.close();
  });

  test("what is read of one block must be the same at a second server, unless that is silent", async () => {
    const witness = await chainProxy(net.rpc);
    const rpc = openRpc({
      url: line.rpc,
      witness: witness.rpc,
      timeout: 300,
      clock: hurried(() => false),
    });
    const data = encodeFunctionData({ abi: tabcastPotAbi, functionName: "FEE_BPS" });
    const read = (blockNumber: bigint) =>
      rpc.ask(signal, (client) => call(client, { to: net.domain.contract, data, blockNumber }));
    const head = BigInt((await net.cheat("eth_blockNumber")) as Hex);
    expect((await read(head)).data).toBe(`0x${"00".repeat(32)}`);
    witness.play(only(["eth_call"], () => ({ result: `0x${"00".repeat(31)}09` })));
    line.play(only(["eth_call"], () => ({ result: `0x${"00".repeat(31)}05` })));
    expect((await failure(read(head))).code).toBe("CHAIN_DISAGREES");
    witness.calm();
    witness.play(silent);
    expect((await read(head)).data).toBe(`0x${"00".repeat(31)}05`);
    await witness.close();
  });

  test("a receipt counts only once the second server has it too", async () => {
    const cfg = config();
    const witness = await chainProxy(net.rpc, [oldState(3)]);
    const { chain } = await port({ witness: witness.rpc, timeout: 2_000 });
    let done = false;
    const sending = chain.deposit(net.accounts[0], cfg, amounts).finally(() => {
      done = true;
    });
    await until(() => (witness.asked.get("eth_getTransactionReceipt") ?? 0) >= 5);
    expect(done).toBe(false);
    witness.calm();
    expect((await sending).events).toMatchObject([{ type: "opened" }, { type: "deposited" }]);
    await witness.close();
  });

  test.each([1, 2, 3, 4, 5])(
    "servers behind one address of which some lag by a block neither lose nor repeat a deposit (seed %i)",
    async (seed) => {
      const cfg = config();
      const { chain } = await port();
      line.play(sometimes({ seed, share: 0.4 }, oldState(1)));
      const raws: Hex[] = [];
      const before = await nonceOf(net.accounts[0].address);
      await chain.deposit(net.accounts[0], cfg, {
        ...amounts,
        before: async (raw) => void raws.push(raw),
      });
      await chain.pay(signer, cfg, [{ ...lane, cumulative: wei(4n) }], { signal });
      line.calm();
      expect(await balance(chain, cfg)).toBe(996n);
      expect(await nonceOf(net.accounts[0].address)).toBe(before + 1);
    },
  );
});

describe("what must not be sent twice", () => {
  test("a deposit whose answer and whose traces are lost is signed once", async () => {
    const cfg = config();
    const { chain } = await port();
    line.play(only(["eth_sendRawTransaction"], times(1, losesAnswers)));
    line.play(only(["eth_getTransactionByHash"], times(4, hangsUp)));
    const raws: Hex[] = [];
    const before = await nonceOf(net.accounts[0].address);
    await chain.deposit(net.accounts[0], cfg, {
      ...amounts,
      before: async (raw) => void raws.push(raw),
    });
    expect(raws).toHaveLength(1);
    expect(await nonceOf(net.accounts[0].address)).toBe(before + 1);
    expect(await balance(chain, cfg)).toBe(1000n);
  });

  test("a deposit whose nonce is in dispute is not signed again while it may still arrive", async () => {
    const { chain } = await port();
    const raws: Hex[] = [];
    const message = "replacement transaction underpriced";
    line.play(only(["eth_sendRawTransaction"], () => ({ error: { code: -32000, message } })));
    const error = await failure(
      chain.deposit(net.accounts[0], config(), {
        ...amounts,
        before: async (raw) => void raws.push(raw),
      }),
    );
    expect(error.code).toBe("CHAIN_NONCE");
    expect(raws).toHaveLength(1);
  });

  test("a withdrawal of a part behind a gap is not signed a second time for the gap", async () => {
    const cfg = config();
    const payee = privateKeyToAccount(generatePrivateKey());
    await net.setBalance(payee, 10n ** 18n);
    const plain = await connect({ ...net, signal });
    await plain.deposit(net.accounts[0], cfg, amounts);
    await plain.pay(signer, cfg, [{ payee: payee.address, lane: 1, cumulative: wei(500n) }], {
      signal,
    });
    const { chain, types } = await port({ clock: hurried(), patience: 60_000 });
    await net.cheat("evm_setAutomine", false);
    const fee = { maxFeePerGas: parseGwei("9"), maxPriorityFeePerGas: 1n };
    const other = await payee.signTransaction({
      ...{ chainId: 31337, nonce: 0, gas: 21_000n, to: payee.address },
      ...fee,
    });
    await net.cheat("eth_sendRawTransaction", other);
    const to = privateKeyToAccount(generatePrivateKey()).address;
    const sending = failure(chain.withdrawTo(payee, to, wei(100n), { signal }));
    await waiting(2);
    await net.cheat("anvil_dropAllTransactions");
    expect((await sending).code).toBe("CHAIN_UNCONFIRMED");
    expect(types()).not.toContain("gap");
    await net.cheat("evm_setAutomine", true);
    await net.cheat("eth_sendRawTransaction", other);
    await net.cheat("evm_mine");
    await net.cheat("evm_mine");
    expect(await chain.balance(to, { signal })).toBeLessThanOrEqual(100n);
  });
});

describe("a sequencer that stops for two hours", () => {
  test("a payment waits without being made dearer, people are told, and it arrives once", async () => {
    const cfg = config();
    let passes = false;
    const { chain, types } = await port({ clock: hurried(() => passes), patience: 120_000 });
    await chain.deposit(net.accounts[0], cfg, amounts);
    const stops = sequencer(line.behind);
    line.play(stops.fault);
    await stops.stop();
    passes = true;
    const error = await failure(
      chain.pay(signer, cfg, [{ ...lane, cumulative: wei(3n) }], { signal }),
    );
    expect(error.reason).toMatchObject({ code: "CHAIN_UNCONFIRMED", seconds: 120 });
    expect(error.message).toMatch(/it may still arrive; the chain has made no block for \d+ s/);
    expect(types()).toEqual(["stalled"]);
    const now = await chain.now({ signal });
    await stops.go(7200);
    await until(async () => (await balance(chain, cfg)) === 997n);
    expect((await chain.now({ signal })) - now).toBeGreaterThanOrEqual(7200);
    const { reason } = error;
    const hash = reason.code === "CHAIN_UNCONFIRMED" ? reason.hash : "0x";
    expect((await chain.sent(hash, { signal }))?.events).toMatchObject([{ type: "claimed" }]);
  });

  test("a payment that outlasts the outage is settled when the chain goes on", async () => {
    const cfg = config();
    let passes = true;
    const { chain, types } = await port({ clock: hurried(() => passes), patience: 10_000_000 });
    await chain.deposit(net.accounts[0], cfg, amounts);
    const stops = sequencer(line.behind);
    line.play(stops.fault);
    await stops.stop();
    const paying = chain.pay(signer, cfg, [{ ...lane, cumulative: wei(3n) }], { signal });
    await until(() => types().includes("stalled"));
    passes = false;
    await stops.go(7200);
    expect((await paying).events).toMatchObject([{ type: "claimed", paid: 3n }]);
    expect(types()).not.toContain("repriced");
  });

  test("a server that refuses transactions while its sequencer is down is unreachable", async () => {
    const { chain } = await port();
    const stops = sequencer(line.behind, { refuses: true });
    line.play(stops.fault);
    await stops.stop();
    const error = await failure(chain.deposit(net.accounts[0], config(), amounts));
    expect(error.code).toBe("CHAIN_UNREACHABLE");
    expect(error.message).toContain("HTTP 503");
    await stops.go(7200);
  });
});

test("a reorganisation of ten blocks under twelve confirmations costs nothing: the same bytes come back", async () => {
  const cfg = config();
  const { chain, types } = await port({ confirmations: 12 });
  const [payer] = net.accounts;
  const before = await nonceOf(payer.address);
  const sending = chain.deposit(payer, cfg, amounts);
  await until(async () => (await nonceOf(payer.address)) > before);
  await net.cheat("anvil_mine", "0x9");
  await reorganise(line.behind, 10);
  await until(() => types().includes("resent"));
  await net.cheat("anvil_mine", "0xd");
  const sent = await sending;
  expect(sent.events).toMatchObject([{ type: "opened" }, { type: "deposited", amount: 1000n }]);
  expect(await nonceOf(payer.address)).toBe(before + 1);
  expect(await balance(chain, cfg)).toBe(1000n);
});

describe("chains that charge for L1", () => {
  test("an Arbitrum chain takes a deposit and a payment, with the units for L1 in their gas", async () => {
    const cfg = config();
    line.play(arbitrum({ unitsPerByte: 500n }));
    const { chain } = await port();
    const sent = await chain.deposit(net.accounts[0], cfg, amounts);
    // 164 bytes of data or more, and what a transaction is beside them.
    expect(sent.gas).toBeGreaterThan(500n * 274n);
    await chain.pay(signer, cfg, [{ ...lane, cumulative: wei(5n) }], { signal });
    expect(await balance(chain, cfg)).toBe(995n);
  });

  test("an account that can pay the gas of an OP stack chain and not its L1 fee learns both sums", async () => {
    const poor = privateKeyToAccount(generatePrivateKey());
    await net.setBalance(poor, 10n ** 16n);
    line.play(opStack({ wei: 10n ** 15n }));
    const { chain } = await port();
    const error = await failure(chain.deposit(poor, config(), amounts));
    expect(error.reason).toMatchObject({ code: "CHAIN_INSUFFICIENT", account: poor.address });
    expect(error.message).toMatch(/has 0\.01 ETH and needs 0\.\d+ ETH/);
  });
});

describe("a wallet whose chain changes while its dialog is open", () => {
  const hash = `0x${"5a".repeat(32)}`;
  const [payer] = [privateKeyToAccount(`0x${"44".repeat(32)}`)];
  beforeEach(() => net.setBalance(payer, 10n ** 18n));

  test("a wallet is told the chain with the transaction, so that it can refuse to send it elsewhere", async () => {
    let asked: unknown;
    const wallet = {
      address: payer.address,
      provider: provider(net.rpc, {
        eth_sendTransaction: (params) => {
          asked = params;
          throw Object.assign(new Error("The chain ID does not match"), { code: -32602 });
        },
      }),
    };
    const { chain } = await port();
    const error = await failure(chain.deposit(wallet, config(), amounts));
    expect(asked).toMatchObject([{ chainId: "0x7a69", to: net.domain.contract }]);
    expect(error.message).toMatch(/^[^\n]+$/);
  });

  test("what a wallet sent on another chain is told, with its hash, after twenty seconds", async () => {
    let on = "0x7a69";
    const wallet = {
      address: payer.address,
      provider: provider(net.rpc, {
        eth_chainId: () => on,
        eth_sendTransaction: () => {
          on = "0x1";
          return hash;
        },
      }),
    };
    const clock = hurried();
    const { chain } = await port({ clock });
    const error = await failure(chain.deposit(wallet, config(), amounts));
    expect(error.reason).toEqual({ code: "CHAIN_WRONG_ID", expected: 31_337, got: 1 });
    expect(error.message).toContain(hash);
    expect(clock.now()).toBeLessThan(40_000);
  });

  test("a deposit that was sent on our chain counts, though the wallet has moved on since", async () => {
    const cfg = { ...config(), payer: net.accounts[0].address };
    let on = "0x7a69";
    const own = provider(net.rpc);
    const wallet = {
      address: net.accounts[0].address,
      provider: provider(net.rpc, {
        eth_chainId: () => on,
        eth_sendTransaction: async (params) => {
          const sent = await own.request({ method: "eth_sendTransaction", params });
          on = "0x1";
          return sent;
        },
      }),
    };
    const { chain } = await port();
    await chain.deposit(wallet, cfg, amounts);
    expect(await balance(chain, cfg)).toBe(1000n);
  });

  test("a wallet that does not know its own chain is asked for nothing", async () => {
    const wallet = {
      address: payer.address,
      provider: provider(net.rpc, { eth_chainId: () => ({}) }),
    };
    const { chain } = await port();
    const error = await failure(chain.deposit(wallet, config(), amounts));
    expect(error.message).toBe("the wallet does not say which chain it is on");
    expect(wallet.provider.asked).toEqual(["eth_chainId"]);
  });
});

describe("limits on events", () => {
  let pot: PotConfig;
  let since: bigint;
  beforeAll(async () => {
    pot = config();
    const plain = await connect({ ...net, signal });
    since = (await plain.height({ signal })) + 1n;
    await plain.deposit(net.accounts[0], pot, amounts);
    for (let i = 1n; i <= 6n; i++) {
      await net.cheat("anvil_mine", "0x14");
      await plain.pay(signer, pot, [{ ...lane, cumulative: wei(i * 10n) }], { signal });
    }
  });
  const claims = { type: "claimed", paid: 10n };

  test.each(Object.keys(LOG_REFUSALS) as (keyof typeof LOG_REFUSALS)[])(
    "every event is read through a server that refuses as %s does",
    async (by) => {
      const { chain } = await port();
      line.play(logLimits({ by, blocks: 10 }));
      const events = await chain.events(idOf(pot), since, { signal });
      expect(events.filter(({ type }) => type === "claimed")).toMatchObject(Array(6).fill(claims));
      expect(events[0]).toMatchObject({ type: "opened" });
    },
  );

  test("a refusal told by HTTP 400 is understood as well", async () => {
    const { chain } = await port();
    line.play(logLimits({ by: "alchemy", blocks: 10, status: 400 }));
    const events = await chain.events(idOf(pot), since, { signal });
    expect(events).toHaveLength(8);
  });

  test("the size that a server took is remembered for the next question", async () => {
    const { chain } = await port();
    line.play(logLimits({ by: "quicknode", blocks: 40 }));
    await chain.events(idOf(pot), since, { signal });
    const first = line.asked.get("eth_getLogs") ?? 0;
    await chain.events(idOf(pot), since, { signal });
    const second = (line.asked.get("eth_getLogs") ?? 0) - first;
    expect(second).toBeLessThan(first);
  });

  test("a limit on results is met by smaller parts", async () => {
    const { chain } = await port();
    line.play(logLimits({ by: "infura", results: 2 }));
    const events = await chain.events(idOf(pot), since, { signal });
    expect(events.filter(({ type }) => type === "claimed")).toHaveLength(6);
  });

  test("a server that gives out not even one block's events is told with the block", async () => {
    const { chain } = await port();
    line.play(logLimits({ by: "rethResults", results: 0 }));
    const error = await failure(chain.events(idOf(pot), since, { signal }));
    expect(error.reason).toMatchObject({ code: "CHAIN_LOG_LIMIT", blocks: 0n });
    expect(error.message).toContain(`gives out no events of block ${since}`);
  });

  test("a question that would take more than a thousand requests is given up at once", async () => {
    const rpc = openRpc({ url: line.rpc, timeout: 2_000, clock: hurried(() => false) });
    line.play(logLimits({ by: "oneRpc", blocks: 2 }));
    const filter = { address: net.domain.contract, topics: [] };
    const error = await failure(logsOf(rpc, filter, { from: 0n, to: 4_999n, signal }));
    expect(error.reason).toMatchObject({ code: "CHAIN_LOG_LIMIT", blocks: 4n });
    expect(line.asked.get("eth_getLogs")).toBeLessThan(15);
  });
});

test("on a real chain gas has a cap that nobody set", async () => {
  const base = await anvil(["--chain-id", "84532", "--base-fee", "9000000000"]);
  try {
    const chain = await connect({
      ...base,
      signal,
      clock: hurried(),
      patience: 3_000,
    });
    const error = await failure(
      chain.deposit(base.accounts[0], { ...config(), payer: base.accounts[0].address }, amounts),
    );
    expect(error.reason).toMatchObject({ code: "CHAIN_GAS_HIGH", cap: parseGwei("5") });
  } finally {
    await base.close();
  }
});
