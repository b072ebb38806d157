import { type Amount, type Clock, systemClock, Wei } from "@tabcast/runtime";
import { keccak256, parseGwei } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { provider } from "../../test/provider.ts";
import { type BadLine, proxy } from "../../test/proxy.ts";
import { potId, separator } from "../config.ts";
import type { Hex, PotConfig } from "../types.ts";
import { type Chain, type ChainNews, connect, type WalletSent } from "./chain.ts";

const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(120_000);
const signer = privateKeyToAccount(`0x${"22".repeat(32)}`);

let net: Anvil;
let line: BadLine;
let salts = 1000;
beforeAll(async () => {
  net = await anvil();
  await net.setBalance(signer, 10n ** 20n);
});
afterAll(() => net.close());
beforeEach(async () => {
  line = await proxy(net.rpc);
});
afterEach(async () => {
  line.close();
  await net.cheat("evm_setAutomine", true);
  await net.cheat("anvil_dropAllTransactions");
  await net.cheat("anvil_setNextBlockBaseFeePerGas", `0x${parseGwei("1").toString(16)}`);
  await net.cheat("evm_mine");
});

/**
 * A clock on which each sleep of the code under test is a thousandth of what it asked for. Its time
 * stands still where `time` says so, as it does unless a test is about time: it would run against
 * the machine's own, and patience would be over, or a price raised, before the test is there.
 */
function hurried(time: { readonly passes: boolean }): Clock {
  let now = 0;
  return {
    ...systemClock,
    now: () => now as ReturnType<Clock["now"]>,
    sleep: async (ms, options) => {
      await systemClock.sleep(Math.max(2, ms / 1000), options);
      if (time.passes) now += ms;
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

/** A chain port through the bad line, and what it tells. `when` acts on the first news of a kind. */
async function port(
  options: Partial<Parameters<typeof connect>[0]> = {},
  when: Partial<Record<ChainNews["type"], () => unknown>> = {},
  time: { readonly passes: boolean } = { passes: false },
) {
  const news: ChainNews[] = [];
  const chain = await connect({
    domain: net.domain,
    rpc: line.rpc,
    signal,
    clock: hurried(time),
    onNews: (item) => {
      if (!news.some(({ type }) => type === item.type)) void when[item.type]?.();
      news.push(item);
    },
    ...options,
  });
  return { chain, news, types: () => news.map(({ type }) => type) };
}

const amounts = { amount: wei(1000n), signerGas: Wei.zero, signal };
const balance = async (chain: Chain, cfg: PotConfig) =>
  (await chain.pot(potId(separator(net.domain), cfg), { signal })).balance;
/** Resolves when the node has this many transactions that are in no block. */
async function waiting(count: number): Promise<void> {
  for (;;) {
    const { pending } = (await net.cheat("txpool_status")) as { pending: Hex };
    if (Number(pending) >= count) return;
    await systemClock.sleep(5, { signal });
  }
}
const nonceOf = async (address: string, tag = "latest") =>
  Number(await net.cheat("eth_getTransactionCount", address, tag));

describe("a chain that reorganises", () => {
  test.each(["deposit", "claim", "reservation"] as const)(
    "a chain that reorganises drops a %s, which the same bytes bring back before it counts",
    async (what) => {
      const cfg = config();
      const id = potId(separator(net.domain), cfg);
      const lane = { payee: net.accounts[1].address, lane: 1 };
      const plain = await connect({ ...net, signal });
      if (what !== "deposit") await plain.deposit(net.accounts[0], cfg, amounts);
      const { chain, news } = await port({ confirmations: 3 });
      const now = await chain.now({ signal });
      const sending =
        what === "deposit"
          ? chain.deposit(net.accounts[0], cfg, amounts)
          : what === "claim"
            ? chain.pay(signer, cfg, [{ ...lane, cumulative: wei(10n) }], { signal })
            : chain.reserve(
                signer,
                cfg,
                [{ ...lane, ceiling: wei(50n), until: now + 600, version: 0 }],
                { signal },
              );
      const from = what === "deposit" ? net.accounts[0].address : signer.address;
      const before = await nonceOf(from);
      for (;;) {
        if ((await nonceOf(from)) > before) break;
        await systemClock.sleep(5, { signal });
      }
      // Its block is undone, and another without it stands in its place.
      await net.cheat("anvil_reorg", 1, []);
      await net.cheat("anvil_dropAllTransactions");
      for (let mined = false; !mined; ) {
        mined = news.some(({ type }) => type === "resent");
        await systemClock.sleep(5, { signal });
      }
      await net.cheat("anvil_mine", "0x3");
      const sent = await sending;
      const [state] = await chain.lanes(id, [lane], { signal });
      expect({
        balance: await balance(chain, cfg),
        claimed: state?.claimed,
        ceiling: state?.ceiling,
      }).toEqual(
        {
          deposit: { balance: 1000n, claimed: 0n, ceiling: 0n },
          claim: { balance: 990n, claimed: 10n, ceiling: 0n },
          reservation: { balance: 1000n, claimed: 0n, ceiling: 50n },
        }[what],
      );
      expect(await nonceOf(from)).toBe(before + 1);
      expect(sent.events.length).toBeGreaterThan(0);
    },
  );

  test("a transaction counts only once it has the confirmations that were asked for", async () => {
    const { chain } = await port({ confirmations: 4, patience: 3_000 }, {}, { passes: true });
    await expect(chain.deposit(net.accounts[0], config(), amounts)).rejects.toMatchObject({
      code: "CHAIN_UNCONFIRMED",
    });
  });
});

describe("a server that is away", () => {
  test("a server that is away for a while delays a claim that was sent, and is told once", async () => {
    const cfg = config();
    const { chain, types } = await port();
    await chain.deposit(net.accounts[0], cfg, amounts);
    let refused = 0;
    let sent = false;
    line.rule = (method) => {
      if (method === "eth_sendRawTransaction") sent = true;
      else if (sent && refused < 30) {
        refused++;
        return "drop";
      }
      return "pass";
    };
    const lane = { payee: net.accounts[1].address, lane: 1 };
    await chain.pay(signer, cfg, [{ ...lane, cumulative: wei(9n) }], { signal });
    expect(refused).toBe(30);
    expect(types()).toEqual(["unreachable", "reachable"]);
    expect(await balance(chain, cfg)).toBe(991n);
  });

  test("a server whose answer to a deposit is lost took the deposit once", async () => {
    const cfg = config();
    const { chain } = await port();
    let lost = 0;
    line.rule = (method) =>
      method === "eth_sendRawTransaction" && lost++ === 0 ? "lose the answer" : "pass";
    const before = await nonceOf(net.accounts[0].address);
    await chain.deposit(net.accounts[0], cfg, amounts);
    expect(lost).toBeGreaterThan(1);
    expect(await balance(chain, cfg)).toBe(1000n);
    expect(await nonceOf(net.accounts[0].address)).toBe(before + 1);
  });
});

describe("nonces", () => {
  test("a deposit that the node forgot is sent again as the same bytes", async () => {
    const cfg = config();
    const raws: Hex[] = [];
    const { chain, types } = await port();
    await net.cheat("evm_setAutomine", false);
    const sending = chain.deposit(net.accounts[0], cfg, {
      ...amounts,
      before: async (raw) => void raws.push(raw),
    });
    await waiting(1);
    await net.cheat("anvil_dropTransaction", keccak256(raws[0] as Hex));
    await waiting(1);
    await net.cheat("evm_mine");
    const sent = await sending;
    expect(raws).toHaveLength(1);
    expect(sent.hash).toBe(keccak256(raws[0] as Hex));
    expect(types()).toContain("resent");
    expect(types()).not.toContain("repriced");
    expect(await balance(chain, cfg)).toBe(1000n);
  });

  test("signed bytes whose number one server refuses, and no block has used, are not said to be void", async () => {
    const cfg = config();
    const raws: Hex[] = [];
    await net.cheat("evm_setAutomine", false);
    const before = async (raw: Hex) => {
      raws.push(raw);
      throw new Error("the tab died");
    };
    const { chain } = await port({ patience: 5_000 }, {}, { passes: true });
    const sending = chain.deposit(net.accounts[0], cfg, { ...amounts, before });
    await expect(sending).rejects.toThrow("the tab died");
    line.rule = (method) =>
      method === "eth_sendRawTransaction" ? { code: -32000, message: "nonce too high" } : "pass";
    const again = () => chain.resend(raws[0] as Hex, { signal });
    await expect(again()).rejects.toMatchObject({ code: "CHAIN_UNCONFIRMED" });
    line.rule = () => "pass";
    await net.cheat("evm_setAutomine", true);
    expect(await again()).toMatchObject({ hash: keccak256(raws[0] as Hex) });
    expect(await balance(chain, cfg)).toBe(1000n);
  });

  test("signed bytes whose number a block has given to another are told as replaced", async () => {
    const raws: Hex[] = [];
    const [payer] = net.accounts;
    const before = async (raw: Hex) => {
      raws.push(raw);
      throw new Error("the tab died");
    };
    const { chain } = await port();
    const sending = chain.deposit(payer, config(), { ...amounts, before });
    await expect(sending).rejects.toThrow("the tab died");
    await chain.sendCoins(payer, payer.address, { amount: Wei.of(1), signal });
    await expect(chain.resend(raws[0] as Hex, { signal })).rejects.toMatchObject({
      code: "CHAIN_REPLACED",
      reason: { account: payer.address },
    });
  });

  test("a deposit that another transaction of the payer replaced is told, and not sent again", async () => {
    const cfg = config();
    const [payer] = net.accounts;
    const { chain } = await port();
    await net.cheat("evm_setAutomine", false);
    const sending = chain.deposit(payer, cfg, amounts);
    const failed = expect(sending).rejects.toMatchObject({
      code: "CHAIN_REPLACED",
      reason: { account: payer.address },
    });
    await waiting(1);
    const nonce = await nonceOf(payer.address);
    const raw = await payer.signTransaction({
      chainId: 31337,
      nonce,
      gas: 21_000n,
      maxFeePerGas: parseGwei("900"),
      maxPriorityFeePerGas: parseGwei("90"),
      to: payer.address,
    });
    await net.cheat("eth_sendRawTransaction", raw);
    await net.cheat("evm_mine");
    await failed;
    await net.cheat("evm_mine");
    expect(await balance(chain, cfg)).toBe(0n);
    expect(await nonceOf(payer.address)).toBe(nonce + 1);
  });

  test("what a browser's wallet has sent is told before it is waited for, and its fate is known from that", async () => {
    const [payer] = net.accounts;
    const wallet = { provider: provider(net.rpc), address: payer.address };
    const { chain } = await port();
    await net.cheat("evm_setAutomine", false);
    const told: WalletSent[] = [];
    const send = async () => {
      const sentAs = async (sent: WalletSent) => void told.push(sent);
      const sending = chain.sendCoins(wallet, payer.address, { amount: Wei.of(1), sentAs, signal });
      await waiting(1);
      const sent = await vi.waitUntil(() => told.pop());
      expect(sent).toMatchObject({ from: payer.address, nonce: await nonceOf(payer.address) });
      return { sent, sending };
    };
    const fate = (sent: WalletSent) => chain.fate(sent, { signal });
    const first = await send();
    expect(await fate(first.sent)).toBe("open");
    await net.cheat("evm_mine");
    await first.sending;
    expect(await fate(first.sent)).toBe("done");

    const second = await send();
    const replaced = expect(second.sending).rejects.toMatchObject({ code: "CHAIN_REPLACED" });
    await net.cheat("anvil_dropTransaction", second.sent.hash);
    expect(await fate(second.sent)).toBe("open");
    const { nonce: _, ...unnumbered } = second.sent;
    const other = await payer.signTransaction({
      ...{ chainId: 31337, nonce: second.sent.nonce, gas: 21_000n, to: payer.address },
      ...{ maxFeePerGas: parseGwei("900"), maxPriorityFeePerGas: parseGwei("90") },
    });
    await net.cheat("eth_sendRawTransaction", other);
    await net.cheat("evm_mine");
    expect(await fate(second.sent)).toBe("void");
    expect(await fate(unnumbered)).toBe("open");
    await replaced;
  });

  test("a deposit that the person cancelled in the wallet is told as replaced", async () => {
    const [payer] = net.accounts;
    const wallet = { provider: provider(net.rpc), address: payer.address };
    const { chain } = await port();
    await net.cheat("evm_setAutomine", false);
    const failed = expect(chain.deposit(wallet, config(), amounts)).rejects.toMatchObject({
      code: "CHAIN_REPLACED",
    });
    await waiting(1);
    // Long enough for the port to have seen the transaction, and so its number.
    const polls = line.asked.get("eth_getTransactionByHash") ?? 0;
    while ((line.asked.get("eth_getTransactionByHash") ?? 0) < polls + 2)
      await systemClock.sleep(5, { signal });
    const raw = await payer.signTransaction({
      chainId: 31337,
      nonce: await nonceOf(payer.address),
      gas: 21_000n,
      maxFeePerGas: parseGwei("900"),
      maxPriorityFeePerGas: parseGwei("90"),
      to: payer.address,
    });
    await net.cheat("eth_sendRawTransaction", raw);
    await net.cheat("evm_mine");
    await failed;
  });

  test("a payment behind a gap takes the missing nonce, and is made once", async () => {
    const cfg = config();
    const [payer] = net.accounts;
    const time = { passes: false };
    const { chain, types } = await port({}, { gap: () => (time.passes = false) }, time);
    await chain.deposit(payer, cfg, amounts);
    await net.cheat("evm_setAutomine", false);
    const nonce = await nonceOf(signer.address);
    // Another tab's transaction holds the next number while ours is made, and then is lost.
    const other = await signer.signTransaction({
      chainId: 31337,
      nonce,
      gas: 21_000n,
      maxFeePerGas: parseGwei("9"),
      maxPriorityFeePerGas: parseGwei("1"),
      to: signer.address,
    });
    await net.cheat("eth_sendRawTransaction", other);
    const lane = { payee: net.accounts[1].address, lane: 1 };
    const paying = chain.pay(signer, cfg, [{ ...lane, cumulative: wei(70n) }], { signal });
    await waiting(2);
    await net.cheat("anvil_dropTransaction", keccak256(other));
    time.passes = true;
    while (!types().includes("gap")) await systemClock.sleep(5, { signal });
    await net.cheat("evm_mine");
    const sent = await paying;
    expect(sent.events).toMatchObject([{ type: "claimed", paid: 70n }]);
    await net.cheat("evm_mine");
    expect(await balance(chain, cfg)).toBe(930n);
  });
});

describe("gas", () => {
  test("gas above the cap stops a payment until it falls, and says so", async () => {
    const cfg = config();
    const plain = await connect({ ...net, signal });
    await plain.deposit(net.accounts[0], cfg, amounts);
    await net.cheat("anvil_setNextBlockBaseFeePerGas", `0x${parseGwei("500").toString(16)}`);
    await net.cheat("evm_mine");
    const cap = Wei.of(parseGwei("50"));
    const { chain, news } = await port(
      { gasCap: cap },
      {
        gasHigh: async () => {
          await net.cheat("anvil_setNextBlockBaseFeePerGas", `0x${parseGwei("5").toString(16)}`);
          await net.cheat("evm_mine");
        },
      },
    );
    const lane = { payee: net.accounts[1].address, lane: 1 };
    const sent = await chain.pay(signer, cfg, [{ ...lane, cumulative: wei(1n) }], { signal });
    expect(news).toMatchObject([{ type: "gasHigh", cap }]);
    expect(sent.cost / sent.gas).toBeLessThanOrEqual(cap);
  });

  test("gas that stays above the cap ends in an error, with nothing sent", async () => {
    await net.cheat("anvil_setNextBlockBaseFeePerGas", `0x${parseGwei("500").toString(16)}`);
    await net.cheat("evm_mine");
    const cap = Wei.of(parseGwei("50"));
    const { chain } = await port({ gasCap: cap, patience: 5_000 }, {}, { passes: true });
    await expect(chain.deposit(net.accounts[0], config(), amounts)).rejects.toMatchObject({
      code: "CHAIN_GAS_HIGH",
      reason: { cap, seconds: 5 },
    });
    expect(line.asked.get("eth_sendRawTransaction")).toBeUndefined();
  });

  test("gas that rises under a payment makes it dearer; under a deposit it changes nothing", async () => {
    const cfg = config();
    const time = { passes: false };
    const { chain, types } = await port({}, { repriced: () => (time.passes = false) }, time);
    await chain.deposit(net.accounts[0], cfg, amounts);
    await net.cheat("evm_setAutomine", false);
    const lane = { payee: net.accounts[1].address, lane: 1 };
    const paying = chain.pay(signer, cfg, [{ ...lane, cumulative: wei(5n) }], { signal });
    const second = config();
    const depositing = chain.deposit(net.accounts[0], second, amounts);
    await waiting(2);
    const dear = () =>
      net.cheat("anvil_setNextBlockBaseFeePerGas", `0x${parseGwei("40").toString(16)}`);
    await dear();
    await net.cheat("evm_mine"); // neither can pay this
    time.passes = true;
    while (!types().includes("repriced")) await systemClock.sleep(5, { signal });
    await dear();
    await net.cheat("evm_mine");
    const sent = await paying;
    expect(sent.events).toMatchObject([{ type: "claimed", paid: 5n }]);
    expect(await balance(chain, second)).toBe(0n);
    await net.cheat("anvil_setNextBlockBaseFeePerGas", "0x1");
    await net.cheat("evm_mine");
    // The node had forgotten what it could not place: the same bytes come again, even before that block.
    while (!types().includes("resent")) await systemClock.sleep(5, { signal });
    await net.cheat("evm_mine");
    await depositing;
    expect(types()).toEqual(["repriced", "resent"]);
    expect(await balance(chain, second)).toBe(1000n);
    expect(await balance(chain, cfg)).toBe(995n);
  });
});

test("a transaction that reverts in its block is told by the contract's own error", async () => {
  const cfg = config();
  const { chain } = await port();
  const other = await connect({ ...net, signal });
  await chain.deposit(net.accounts[0], cfg, amounts);
  // Somebody else's close gets in between the estimate and the block.
  line.rule = async (method): Promise<"pass"> => {
    if (method !== "eth_sendRawTransaction") return "pass";
    line.rule = () => "pass";
    await other.startClose(net.accounts[0], cfg, { signal });
    return "pass";
  };
  await expect(chain.startClose(signer, cfg, { signal })).rejects.toMatchObject({
    code: "CHAIN_REVERTED",
    reason: { error: "PotClosing", hash: expect.stringMatching(/^0x/) },
    message: expect.stringContaining("PotClosing"),
  });
});
