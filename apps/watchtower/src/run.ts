import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Address, Chain, Chains, Currency, openWatchtower } from "@tabcast/channel";
import { fileStore } from "@tabcast/channel/file";
import { libp2p } from "@tabcast/mesh";
import { type NetworkConfig, parseConfig } from "@tabcast/node/config";
import { iceServersOf } from "@tabcast/node/turn-credentials";
import { keepVouchers } from "@tabcast/node/watchtower";
import { gossipRules, peersWire } from "@tabcast/protocol";
import { Amount, describe, fromHex, systemClock } from "@tabcast/runtime";
import { formatEther, formatUnits } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

export interface Options {
  /** Where the network's pages are. */
  readonly network: string;
  /** JSON-RPC over HTTP; the network's own if missing. */
  readonly rpc?: string;
  readonly keyFile?: string;
  /** Who gets the share that workers leave; the key's own address if missing. */
  readonly beneficiary?: Address;
  readonly dir: string;
}

/** A command line that makes no sense, or a file that it names. Its message is for a person. */
export class UsageError extends Error {}

/** Tells a person, or a program, what happens. Gas in the chain's coin, other amounts in what pots are in, as decimal text. */
export type Say = (event: string, values?: Readonly<Record<string, string | number>>) => void;

/** Milliseconds that the network's pages may take to answer. */
const PATIENCE = 10_000;
/** Milliseconds between two looks at who is connected. */
const REPORT = 2_000;

/** Keeps vouchers and claims until `signal` fires; what is kept is on disk then. */
export async function run(options: Options, say: Say, signal: AbortSignal): Promise<void> {
  const { dir } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const account = privateKeyToAccount(await keyOf(options.keyFile ?? join(dir, "gas.key")));
  const { address } = account;
  const config = await networkOf(options.network);
  const { id: chainId, contract } = config.chain;
  const { rpc = config.chain.rpc } = options;
  const domain = { chainId, contract };
  // The mesh and the claims get an end of their own: they say goodbye after the signal.
  const own = new AbortController();
  const waits = { signal: own.signal };
  const currency = currencyOf(config);
  const inWords = (amount: Amount) => formatUnits(amount, currency.decimals);
  const chain = await Chain.connect({ domain, rpc, currency, ...waits });
  if (config.chain.faucet !== undefined && (await chain.balance(address, waits)) === 0n)
    await askFaucet(config.chain.faucet, options.network, address);
  const store = await fileStore(join(dir, "books"));
  const watchtower = await openWatchtower({
    domain,
    rpc,
    chain,
    account,
    store,
    ...waits,
    ...(options.beneficiary !== undefined && { beneficiary: options.beneficiary }),
    onKept: ({ payee, lane, cumulative }) =>
      say("kept", { payee, lane, total: inWords(cumulative) }),
    onRescue: (payee, saved) => say("claimed", { payee, paid: inWords(saved) }),
    onShare: (share) => say("earned", { share: inWords(share) }),
    onWithdrawn: (amount) => say("withdrawn", { amount: inWords(amount) }),
    onSpent: (cost) => say("spent", { gas: formatEther(cost) }),
    onProblem: (error) => say("problem", { why: describe(error) }),
  });
  const balance = formatEther(await chain.balance(address, waits));
  say("watching", {
    address,
    balance,
    chain: chainId,
    contract,
    currency: currency.symbol,
    kept: watchtower.vouchers().length,
  });
  const seed = fromHex((await keyOf(join(dir, "peer.key"))).slice(2));
  const { relays, local } = config;
  const iceServers = iceServersOf({ clock: systemClock }, config.iceServers, {
    ask: async (path, { signal }) =>
      (await fetch(new URL(path, options.network), { signal })).json(),
    trouble: (error) => say("problem", { why: describe(error) }),
  });
  const rules = gossipRules({ clock: systemClock });
  const mesh = await libp2p({ seed, relays, iceServers, local, rules, wire: peersWire, ...waits });
  keepVouchers({ mesh, ...waits }, { watchtower });
  say("joining", { peer: mesh.self });
  await stayed(() => mesh.neighbours().length, say, signal);
  await mesh.close();
  await watchtower.close();
  own.abort();
  await store.close();
}

/** What the network's pots are in. */
function currencyOf({ chain: { id, currency } }: NetworkConfig): Currency.Currency {
  if (currency === undefined) return Currency.coin(Chains.of(id).coin);
  const { token, symbol, decimals, perCoin } = currency;
  return { token, symbol, decimals, perCoin: Amount.of(BigInt(perCoin)) };
}

/** Says how many peers there are whenever that changes; resolves when the signal fires. */
async function stayed(peers: () => number, say: Say, signal: AbortSignal): Promise<void> {
  let last = -1;
  while (!signal.aborted) {
    const now = peers();
    if (now !== last) say("peers", { count: now });
    last = now;
    await systemClock.sleep(REPORT, { signal }).catch(() => undefined); // the signal is its end
  }
}

/** A private key from its file, which is made if it is missing. Throws UsageError. */
async function keyOf(file: string): Promise<`0x${string}`> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new UsageError(`cannot read ${file}: ${error.code ?? error.message}`);
  });
  if (text === undefined) {
    const key = generatePrivateKey();
    await writeFile(file, `${key}\n`, { mode: 0o600, flag: "wx" });
    return key;
  }
  const key = /^(?:0x)?([0-9a-fA-F]{64})\s*$/.exec(text)?.[1];
  if (key === undefined || /^0*$/.test(key))
    throw new UsageError(`${file} must hold a private key of 64 hexadecimal digits`);
  return `0x${key}`;
}

/** The network's description. Throws UsageError where nobody answers, CONFIG_BAD. */
async function networkOf(network: string): Promise<NetworkConfig> {
  const url = new URL("/tabcast.json", network);
  const refuse = (why: string): never => {
    throw new UsageError(`no network at ${url} (--network): ${why}`);
  };
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) }).catch((error) =>
    refuse(describe(error)),
  );
  if (!response.ok) refuse(`it answered ${response.status}`);
  const text = await response.text();
  try {
    return parseConfig(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) refuse("what it answered is no JSON");
    throw error;
  }
}

/** Play money, on a local chain. */
async function askFaucet(faucet: string, network: string, address: string): Promise<void> {
  const url = new URL(faucet, network);
  await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ address }),
    signal: AbortSignal.timeout(PATIENCE),
  }).catch(() => undefined); // without gas it says so
}
