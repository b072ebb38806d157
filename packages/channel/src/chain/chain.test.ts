import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Amount, Wei } from "@tabcast/runtime";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Anvil, anvil } from "../../test/anvil.ts";
import { logLimits } from "../../test/chain-faults.ts";
import { chainProxy } from "../../test/chain-proxy.ts";
import { provider } from "../../test/provider.ts";
import { proxy } from "../../test/proxy.ts";
import { potId, separator } from "../config.ts";
import { coin } from "../currency.ts";
import { FINALIZED } from "../final.ts";
import { account } from "../payer/account.ts";
import type { PotConfig } from "../types.ts";
import { callOf } from "./action.ts";
import { type Chain, ChainError, connect } from "./chain.ts";
import { type Locks, openTurns } from "./turns.ts";

const wei = (value: bigint) => value as Amount;
const signal = AbortSignal.timeout(120_000);
const key = privateKeyToAccount(`0x${"11".repeat(32)}`);

let net: Anvil;
let chain: Chain;
let salts = 0;
beforeAll(async () => {
  net = await anvil();
  chain = await connect({ ...net, signal });
});
afterAll(() => net.close());

function config(): PotConfig {
  return {
    payer: net.accounts[0].address,
    signer: key.address,
    token: `0x${"00".repeat(20)}`,
    challengePeriod: 900,
    salt: `0x${(++salts).toString(16).padStart(64, "0")}`,
  };
}

/** An HTTP server on a free loopback port. */
async function serve(answer: (end: (status: number, body: string) => void) => void) {
  const server: Server = createServer((_, response) => {
    answer((status, body) => response.writeHead(status).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    rpc: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe("a look", () => {
  test("a look shows every pot and lane as one block has them, in one request beside the block's", async () => {
    const line = await proxy(net.rpc);
    const pots = [config(), config(), config()];
    const [payee, other] = [net.accounts[1].address, net.accounts[2].address];
    for (const [i, cfg] of pots.slice(0, 2).entries())
      await chain.deposit(net.accounts[0], cfg, {
        amount: wei(1_000n + BigInt(i)),
        signerGas: Wei.zero,
        signal,
      });
    const until = (await chain.now({ signal })) + 600;
    const row = { payee, lane: 1, ceiling: wei(600n), until, version: 0 };
    await chain.reserve(net.accounts[0], pots[0] as PotConfig, [row], { signal });
    const paid = { payee: other, lane: 2, cumulative: wei(40n) };
    await chain.pay(net.accounts[0], pots[1] as PotConfig, [paid], { signal });

    const near = await connect({ ...net, rpc: line.rpc, signal });
    const before = line.asked.get("eth_call") ?? 0;
    const lanes = [
      { payee, lane: 1 },
      { payee: other, lane: 2 },
    ];
    const potIds = pots.map((cfg) => potId(separator(net.domain), cfg));
    const seen = await near.snapshot(
      potIds.map((id) => ({ potId: id, lanes })),
      { signal },
    );
    expect((line.asked.get("eth_call") ?? 0) - before).toBe(1);
    expect(seen.block).toBe(await chain.height({ signal }));
    const none = { claimed: 0n, ceiling: 0n, until: 0, version: 0 };
    expect(seen.pots).toEqual([
      {
        balance: 1_000n,
        reserved: 600n,
        closeAt: 0,
        exists: true,
        lanes: [{ claimed: 0n, ceiling: 600n, until, version: 1 }, none],
      },
      {
        balance: 961n,
        reserved: 0n,
        closeAt: 0,
        exists: true,
        lanes: [none, { ...none, claimed: 40n }],
      },
      { balance: 0n, reserved: 0n, closeAt: 0, exists: false, lanes: [none, none] },
    ]);
    for (const [i, id] of potIds.entries()) {
      const { lanes: _, ...pot } = seen.pots[i] ?? { lanes: [] };
      expect(pot).toEqual(await chain.pot(id, { signal }));
    }
    line.close();
  });

  test("a look at 300 lanes takes two requests, and one at nothing none", async () => {
    const line = await proxy(net.rpc);
    const near = await connect({ ...net, rpc: line.rpc, signal });
    const calls = () => line.asked.get("eth_call") ?? 0;
    const before = calls();
    const lanes = (count: number) =>
      Array.from({ length: count }, (_, lane) => ({ payee: key.address, lane }));
    const asked = [100, 100, 100].map((count) => ({
      potId: potId(separator(net.domain), config()),
      lanes: lanes(count),
    }));
    const { pots } = await near.snapshot(asked, { signal });
    expect(pots.map(({ lanes }) => lanes.length)).toEqual([100, 100, 100]);
    expect(calls() - before).toBe(2);
    expect((await near.snapshot([], { signal })).pots).toEqual([]);
    expect(calls() - before).toBe(2);
    line.close();
  });

  test("a server that does not have the newest block's state yet is asked once more", async () => {
    const line = await proxy(net.rpc);
    const near = await connect({ ...net, rpc: line.rpc, signal });
    const cfg = config();
    await chain.deposit(net.accounts[0], cfg, { amount: wei(9n), signerGas: Wei.zero, signal });
    let refused = 0;
    line.rule = (method) => {
      if (method !== "eth_call" || refused > 0) return "pass";
      refused++;
      return { code: -32_000, message: "header not found" };
    };
    const asked = [{ potId: potId(separator(net.domain), cfg), lanes: [] }];
    expect((await near.snapshot(asked, { signal })).pots).toMatchObject([{ balance: 9n }]);
    expect(refused).toBe(1);
    line.close();
  });
});

describe("finding the contract", () => {
  test("a server that is not there is named, without its secrets", async () => {
    const gone = await serve(() => {});
    gone.close();
    const rpc = `${gone.rpc.replace("://", "://user:secret@")}/v1?key=secret`;
    const error = await connect({ domain: net.domain, rpc, signal }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ChainError);
    expect(error).toMatchObject({ code: "CHAIN_UNREACHABLE" });
    expect(String(error)).toContain(`${gone.rpc}/v1`);
    expect(String(error)).not.toContain("secret");
    expect(String(error)).not.toContain("\n");
  });

  test("a server that only hangs is given up, and at once if its owner leaves", async () => {
    const hanging = await serve(() => {});
    const { rpc } = hanging;
    await expect(connect({ domain: net.domain, rpc, signal, timeout: 50 })).rejects.toMatchObject({
      code: "CHAIN_UNREACHABLE",
    });
    const stop = new AbortController();
    const waiting = connect({ domain: net.domain, rpc, signal: stop.signal, timeout: 60_000 });
    stop.abort(new Error("the owner left"));
    await expect(waiting).rejects.toThrow("the owner left");
    hanging.close();
  });

  test("a server that is no chain is unreachable, with what it answered", async () => {
    const web = await serve((end) => end(404, "not here"));
    await expect(connect({ domain: net.domain, rpc: web.rpc, signal })).rejects.toMatchObject({
      code: "CHAIN_UNREACHABLE",
      message: expect.stringContaining("404"),
    });
    web.close();
  });

  test("another chain is told apart by its id", async () => {
    const domain = { ...net.domain, chainId: 1 };
    await expect(connect({ domain, rpc: net.rpc, signal })).rejects.toMatchObject({
      code: "CHAIN_WRONG_ID",
      reason: { expected: 1, got: 31337 },
    });
  });

  test("an address without code, or with other code, has no contract of ours", async () => {
    for (const contract of [net.accounts[3].address, `0x${"00".repeat(19)}04`] as const)
      await expect(
        connect({ domain: { ...net.domain, contract }, rpc: net.rpc, signal }),
      ).rejects.toMatchObject({ code: "CHAIN_NO_CONTRACT", reason: { contract } });
  });
});

describe("sending", () => {
  const amounts = { amount: wei(1000n), signerGas: Wei.zero, signal: AbortSignal.timeout(60_000) };

  test("a poor account learns what it has and what it needs, in the chain's coin", async () => {
    const poor = privateKeyToAccount(generatePrivateKey());
    await net.setBalance(poor, 10n ** 15n);
    const error: unknown = await chain
      .deposit(poor, config(), { ...amounts, amount: wei(10n ** 18n) })
      .catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: "CHAIN_INSUFFICIENT",
      reason: { account: poor.address, have: 10n ** 15n, need: 10n ** 18n },
      message: `${poor.address} has 0.001 ETH and needs 1 ETH`,
    });
    // A chain that is in no table has its coin's name from its owner.
    const named = await connect({ ...net, currency: coin("POL"), signal });
    await expect(
      named.deposit(poor, config(), { ...amounts, amount: wei(10n ** 18n) }),
    ).rejects.toThrow("has 0.001 POL and needs 1 POL");
    const action = {
      do: "deposit",
      config: config(),
      ...amounts,
      amount: wei(10n ** 18n),
    } as const;
    await expect(named.quote(poor.address, action, { signal })).rejects.toThrow("needs 1 POL");
    // Enough for the deposit and not for its gas.
    await expect(
      chain.deposit(poor, config(), { ...amounts, amount: wei(10n ** 15n - 1n) }),
    ).rejects.toMatchObject({ code: "CHAIN_INSUFFICIENT" });
  });

  test("a refusal of the contract is told by its name", async () => {
    const cfg = config();
    const [payer] = net.accounts;
    await chain.deposit(payer, cfg, amounts);
    await expect(chain.finalizeClose(payer, cfg, { signal })).rejects.toMatchObject({
      code: "CHAIN_REVERTED",
      reason: { error: "PotNotClosing" },
    });
    await expect(chain.pay(net.accounts[1], cfg, [], { signal })).rejects.toMatchObject({
      code: "CHAIN_REVERTED",
      reason: { error: "NotAuthorised" },
      message: expect.stringContaining(net.accounts[1].address),
    });
    await expect(chain.claim(payer, config(), [], { signal })).rejects.toMatchObject({
      reason: { error: "PotUnknown" },
    });
  });

  test("a signed deposit that is sent again is still one deposit", async () => {
    const cfg = config();
    let raw: `0x${string}` | undefined;
    const first = await chain.deposit(net.accounts[0], cfg, {
      ...amounts,
      before: async (bytes) => {
        raw = bytes;
      },
    });
    if (!raw) throw new Error("the transaction was not shown before it was sent");
    expect(await chain.resend(raw, { signal })).toEqual(first);
    const id = potId(separator(net.domain), cfg);
    expect((await chain.pot(id, { signal })).balance).toBe(1000n);
  });

  test("one key's transactions do not fight over a nonce", async () => {
    const configs = Array.from({ length: 6 }, config);
    const sent = await Promise.all(
      configs.map((cfg) => chain.deposit(net.accounts[2], cfg, amounts)),
    );
    expect(new Set(sent.map(({ hash }) => hash)).size).toBe(6);
  });

  test("a key that several links use in one tab sends from all of them one after another", async () => {
    const links = await Promise.all([1, 2, 3].map(() => connect({ ...net, signal })));
    const [, , , sender] = net.accounts;
    const raws: `0x${string}`[] = [];
    const before = async (raw: `0x${string}`) => void raws.push(raw);
    const sent = await Promise.all(
      links.map((link) => link.deposit(sender, config(), { ...amounts, before })),
    );
    // None was void and signed again.
    expect(raws).toHaveLength(3);
    expect(new Set(sent.map(({ hash }) => hash)).size).toBe(3);
  });

  test("a key that two tabs use sends from one at a time, by the browser's lock of its chain and address", async () => {
    const [sender] = net.accounts;
    const held: string[] = [];
    const origin = openTurns(undefined);
    const locks: Locks = {
      request: (name, waits, work) =>
        origin.run(name, waits, () => {
          held.push(name);
          return work();
        }),
    };
    const raws: `0x${string}`[] = [];
    const before = async (raw: `0x${string}`) => void raws.push(raw);
    const tabs = await Promise.all(
      [1, 2, 3].map(() => connect({ ...net, signal, turns: openTurns(locks) })),
    );
    await Promise.all(tabs.map((tab) => tab.deposit(sender, config(), { ...amounts, before })));
    expect(raws).toHaveLength(3);
    expect(held).toEqual(Array(3).fill(`tabcast-sender/31337/${sender.address.toLowerCase()}`));
  });

  test("another process with the same key costs a nonce, not a failure", async () => {
    const other = await connect({ ...net, signal, turns: openTurns(undefined) });
    const sent = await Promise.all([
      chain.deposit(net.accounts[1], config(), amounts),
      other.deposit(net.accounts[1], config(), amounts),
      chain.deposit(net.accounts[1], config(), amounts),
      other.deposit(net.accounts[1], config(), amounts),
    ]);
    expect(new Set(sent.map(({ hash }) => hash)).size).toBe(4);
  });

  test("a sweep takes everything that a key owns, to the last wei", async () => {
    const from = privateKeyToAccount(generatePrivateKey());
    await net.setBalance(from, 10n ** 16n);
    const { address } = privateKeyToAccount(generatePrivateKey());
    const sent = await chain.sweep(from, address, { signal });
    expect(await chain.balance(from.address, { signal })).toBe(0n);
    expect(await chain.balance(address, { signal })).toBe(10n ** 16n - (sent?.cost ?? 0n));
    expect(await chain.sweep(from, address, { signal })).toBeUndefined();
  });
});

describe("a browser wallet", () => {
  test("a browser wallet deposits as a key does", async () => {
    const wallet = { provider: provider(net.rpc), address: net.accounts[0].address };
    const cfg = config();
    const sent = await chain.deposit(wallet, cfg, {
      amount: wei(5n),
      signerGas: Wei.of(7n),
      signal,
    });
    expect(sent.events).toMatchObject([{ type: "opened" }, { type: "deposited", amount: 5n }]);
    expect(await chain.balance(key.address, { signal })).toBe(7n);
  });

  test("a dialog that nobody answers keeps the wallet's other calls waiting only as long as its own caller waits", async () => {
    let dialogs = 0;
    const inner = provider(net.rpc);
    const { promise: open, resolve } = Promise.withResolvers<void>();
    const hanging = {
      request: (question: { method: string; params?: unknown }) => {
        if (question.method !== "eth_sendTransaction" || ++dialogs > 1)
          return inner.request(question);
        resolve();
        return new Promise(() => {});
      },
    };
    const wallet = { provider: hanging, address: net.accounts[0].address };
    const given = new AbortController();
    const first = chain.deposit(wallet, config(), {
      amount: wei(3n),
      signerGas: Wei.zero,
      signal: given.signal,
    });
    await open;
    given.abort(new Error("nobody waits for it"));
    await expect(first).rejects.toThrow("nobody waits for it");
    const second = await chain.deposit(wallet, config(), {
      amount: wei(3n),
      signerGas: Wei.zero,
      signal,
    });
    expect(second.events).toMatchObject([{ type: "opened" }, { type: "deposited" }]);
  });

  test("a browser wallet whose owner says no has rejected, not failed", async () => {
    const wallet = {
      provider: provider(net.rpc, {
        eth_sendTransaction: () => {
          throw { code: 4001, message: "User rejected the request." };
        },
      }),
      address: net.accounts[0].address,
    };
    await expect(
      chain.deposit(wallet, config(), { amount: wei(5n), signerGas: Wei.zero, signal }),
    ).rejects.toMatchObject({ code: "CHAIN_REJECTED" });
  });

  test("a browser wallet on another chain is asked for nothing", async () => {
    const wallet = {
      provider: provider(net.rpc, { eth_chainId: () => "0x1" }),
      address: net.accounts[0].address,
    };
    await expect(
      chain.deposit(wallet, config(), { amount: wei(5n), signerGas: Wei.zero, signal }),
    ).rejects.toMatchObject({ code: "CHAIN_WRONG_ID", reason: { expected: 31337, got: 1 } });
    expect(wallet.provider.asked).toEqual(["eth_chainId"]);
  });

  test("a browser wallet whose network has our chain's number and not our contract is asked for nothing", async () => {
    const wallet = {
      provider: provider(net.rpc, { eth_getCode: () => "0x" }),
      address: net.accounts[0].address,
    };
    await expect(
      chain.deposit(wallet, config(), { amount: wei(5n), signerGas: Wei.zero, signal }),
    ).rejects.toMatchObject({ code: "CHAIN_NO_CONTRACT" });
    expect(wallet.provider.asked).toEqual(["eth_chainId", "eth_getCode"]);
  });

  test("a browser wallet without the coins is asked for nothing", async () => {
    const wallet = { provider: provider(net.rpc), address: `0x${"99".repeat(20)}` as const };
    await expect(
      chain.deposit(wallet, config(), { amount: wei(5n), signerGas: Wei.zero, signal }),
    ).rejects.toMatchObject({ code: "CHAIN_INSUFFICIENT", reason: { have: 0n, need: 5n } });
    expect(wallet.provider.asked).toEqual([]);
  });
});

describe("reading", () => {
  test("the events of a pot tell its whole life, and nobody else's", async () => {
    const cfg = config();
    const id = potId(separator(net.domain), cfg);
    const [payer, worker] = net.accounts;
    const from = await chain.height({ signal });
    const lane = { payee: worker.address, lane: 9 };
    await chain.deposit(payer, cfg, { amount: wei(100n), signerGas: Wei.zero, signal });
    await chain.deposit(payer, config(), { amount: wei(1n), signerGas: Wei.zero, signal });
    await chain.pay(payer, cfg, [{ ...lane, cumulative: wei(30n) }], { signal });
    await chain.pay(payer, cfg, [{ ...lane, cumulative: wei(30n) }], { signal });
    await chain.pay(payer, cfg, [{ ...lane, cumulative: wei(130n) }], { signal });
    await chain.startClose(payer, cfg, { signal });
    await chain.cancelClose(payer, cfg, { signal });
    await chain.startClose(payer, cfg, { signal });
    const { closeAt } = await chain.pot(id, { signal });
    await net.warp(closeAt - (await chain.now({ signal })));
    await chain.finalizeClose(payer, cfg, { signal });
    expect(await chain.claimed(id, [lane, { ...lane, lane: 8 }], { signal })).toEqual([100n, 0n]);
    expect(await chain.pot(id, { signal })).toMatchObject({ balance: 0n, closeAt: FINALIZED });
    const events = await chain.events(id, from, { signal });
    expect(events).toMatchObject([
      { type: "opened", payer: payer.address, signer: cfg.signer },
      { type: "deposited", amount: 100n },
      { type: "claimed", ...lane, paid: 30n, claimed: 30n },
      { type: "skipped", ...lane, cumulative: 30n, stale: true },
      { type: "claimed", ...lane, paid: 70n, claimed: 100n },
      { type: "bounced", ...lane, shortfall: 30n },
      { type: "closing" },
      { type: "reopened" },
      { type: "closing", closeAt },
      { type: "final", refund: 0n },
    ]);
  });
});

describe("events that anybody can emit", () => {
  test("ten thousand skipped claims of a stranger hide neither a pot's account nor its payer's history", async () => {
    const line = await chainProxy(net.rpc, [logLimits({ by: "infura", results: 400 })]);
    const limited = await connect({ domain: net.domain, rpc: line.rpc, signal });
    const cfg = config();
    const id = potId(separator(net.domain), cfg);
    const [payer, worker, , stranger] = net.accounts;
    const from = await chain.height({ signal });
    await chain.deposit(payer, cfg, { amount: wei(100n), signerGas: Wei.zero, signal });
    // A total of nothing is skipped before its signature is looked at.
    const signature = `0x${"11".repeat(64)}1b` as const;
    const row = { potId: id, payee: payer.address, lane: 1, cumulative: wei(0n), signature };
    const vouchers = Array.from({ length: 500 }, () => row);
    const { to, data } = callOf(net.domain.contract, { do: "claim", config: cfg, vouchers });
    const transaction = { from: stranger.address, to, data, gas: "0x1312d00" };
    for (let i = 0; i < 20; i++) await net.cheat("eth_sendTransaction", transaction);
    const all = await connect({ domain: net.domain, rpc: line.rpc, signal });
    await expect(all.events(id, from, { signal })).rejects.toMatchObject({
      code: "CHAIN_LOG_LIMIT",
    });
    await chain.pay(payer, cfg, [{ payee: worker.address, lane: 9, cumulative: wei(30n) }], {
      signal,
    });
    await chain.startClose(payer, cfg, { signal });
    const { closeAt } = await chain.pot(id, { signal });
    await net.warp(closeAt - (await chain.now({ signal })));
    await chain.finalizeClose(payer, cfg, { signal });
    const asked = line.asked.get("eth_getLogs") ?? 0;
    const { signer } = cfg;
    const options = { domain: net.domain, potId: id, from, signer, withdrawn: undefined, signal };
    expect(await account(limited, options)).toMatchObject({
      deposited: 100n,
      paid: 30n,
      refunded: 70n,
    });
    const page = await limited.history(payer.address, { since: from, limit: 100, signal });
    const types = page.events.filter(({ potId }) => potId === id).map(({ type }) => type);
    expect(types).toEqual(["final", "deposited", "opened"]);
    expect((line.asked.get("eth_getLogs") ?? 0) - asked).toBeLessThan(10);
    await line.close();
  });

  test("an account's history asks nothing about the ends of strangers' pots", async () => {
    const [, , stranger, person] = net.accounts;
    const from = await chain.height({ signal });
    for (let i = 0; i < 3; i++) {
      const cfg = { ...config(), payer: stranger.address };
      await chain.deposit(stranger, cfg, { amount: wei(1n), signerGas: Wei.zero, signal });
      await chain.startClose(stranger, cfg, { signal });
      const { closeAt } = await chain.pot(potId(separator(net.domain), cfg), { signal });
      await net.warp(closeAt - (await chain.now({ signal })));
      await chain.finalizeClose(stranger, cfg, { signal });
    }
    const line = await chainProxy(net.rpc);
    const counting = await connect({ domain: net.domain, rpc: line.rpc, signal });
    const page = await counting.history(person.address, { since: from, signal });
    expect(page).toEqual({ events: [] });
    expect(line.asked.get("eth_getLogs")).toBe(3);
    const own = await counting.history(stranger.address, { since: from, signal });
    expect(own.events.filter(({ type }) => type === "final")).toHaveLength(3);
    await line.close();
  });
});
