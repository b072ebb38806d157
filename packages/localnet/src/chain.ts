import * as Chains from "@tabcast/channel/chains";
import { worth } from "@tabcast/channel/currency";
import { tabcastPotAbi, tabcastPotBytecode } from "@tabcast/contracts";
import type { CurrencyConfig } from "@tabcast/node/config";
import { Amount, CodedError, describe, Wei } from "@tabcast/runtime";
import {
  type Address,
  createPublicClient,
  createTestClient,
  createWalletClient,
  defineChain,
  erc20Abi,
  formatEther,
  formatUnits,
  type Hex,
  http,
  isAddress,
  isHex,
  type PublicClient,
  parseEther,
  type Transport,
  type WalletClient,
  zeroAddress,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { type Anvil, localChainId, startAnvil } from "./anvil.ts";

/** Why a chain cannot carry the payments. */
export type ChainReason =
  /** One of the variables that name another chain is missing or wrong. Do: set all four of TABCAST_RPC, _CONTRACT, _CHAIN_ID, _PAYER_KEY. */
  | { code: "CHAIN_CONFIG"; name: string }
  /** Nothing answers at TABCAST_RPC. Do: check the address and the network. */
  | { code: "CHAIN_UNREACHABLE"; rpc: string }
  /** The server's chain is not TABCAST_CHAIN_ID. Do: correct one of them. */
  | { code: "CHAIN_WRONG_ID"; wanted: number; got: number }
  /** There is no code at TABCAST_CONTRACT. Do: correct the address, or deploy TabcastPot. */
  | { code: "CHAIN_NO_CONTRACT"; contract: string }
  /** The token of TABCAST_CURRENCY is not on the chain, or is another than it should be. Do: unset it, or use a chain with that token. */
  | { code: "CHAIN_NO_TOKEN"; chain: number; token?: string }
  /** The payer's account lacks the deposit and its gas. Do: fund it. */
  | { code: "CHAIN_POOR"; payer: string; needed: Amount; balance: Amount }
  /** The faucet gives nothing: not an address, or as often as it may. Do: use another address, or start a new network. */
  | { code: "FAUCET_REFUSED"; why: string };
/** The chain that was asked for cannot be used; the message says what to change. */
export class ChainError extends CodedError<ChainReason> {}

/** The chain that a network pays on. */
export interface Chain {
  readonly id: number;
  readonly rpc: string;
  readonly contract: Address;
  /** The token that its pots are in. Missing: the chain's own coin. */
  readonly currency?: CurrencyConfig;
  /** The embedded chain, whose money is play money and whose clock we may move. */
  readonly local?: {
    readonly pid: number;
    /** Sends play ETH, and play dollars where pots are in them; throws FAUCET_REFUSED beyond its bounds. */
    faucet(address: string): Promise<{ readonly sent: Amount; readonly dollars?: Amount }>;
    /** Moves the chain's clock to the given unix second, if it is not there yet. */
    warp(until: number): Promise<void>;
    kill(): void;
  };
  /** The key that pays on a chain of somebody else's. Never to be printed. */
  readonly payerKey?: Hex;
  close(): Promise<void>;
}

/** viem's own list of chains takes a second to load. */
const foundry = defineChain({
  id: localChainId,
  name: "Local",
  nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
  rpcUrls: { default: { http: [] } },
});

/** What a stream's pot is opened with: two days of a 1080p ladder at the usual price of a millionth of a coin per gigapixel. */
export const usualDeposit: Amount = Amount.of(parseEther("0.01"));
/** Gas of a broadcaster's transactions from deposit to refund, with a margin. Source: packages/contracts/snapshots. */
const gasOfAStream = 1_500_000n;

/** What the faucet gives at once, and its bounds: play money, but every call is a block. */
export const faucetLimits = {
  amount: Amount.of(parseEther("10")),
  /** Play dollars that come with it, in their smallest parts. */
  dollars: Amount.of(30_000_000_000),
  perAddress: 5,
  total: 1_000,
};

/** What a whole coin of the local chain is worth in play dollars: 3,000 of them. */
const playPerCoin = "3000000000";

/** The usual deposit in what a chain's pots are in. */
export function usualDepositIn({
  currency,
}: {
  readonly currency?: CurrencyConfig | undefined;
}): Amount {
  if (currency === undefined) return usualDeposit;
  return worth({ perCoin: Amount.of(BigInt(currency.perCoin)) }, Wei.of(usualDeposit));
}

export interface LocalChainOptions {
  readonly signal: AbortSignal;
  /** Whose pages a browser lets read the chain's answers; "*" for all. Default: none. */
  readonly origin?: string;
  /** What pots are in: "USDC" deploys play dollars. Default: the chain's own coin. */
  readonly currency?: "USDC";
}

/** Starts anvil and deploys TabcastPot without a fee. Throws an AnvilError. */
export async function openLocalChain({
  signal,
  currency,
  origin,
}: LocalChainOptions): Promise<Chain> {
  const anvil: Anvil = await startAnvil({ origin, signal });
  try {
    const transport = http(anvil.rpc, { retryCount: 2 });
    const reader = createPublicClient({ chain: foundry, transport, pollingInterval: 50 });
    const test = createTestClient({ chain: foundry, transport, mode: "anvil" });
    // anvil signs for its own ten accounts; the first is the bank.
    const wallet = createWalletClient({ chain: foundry, transport });
    const [bank] = await wallet.getAddresses();
    if (bank === undefined) throw new Error("anvil has no account");
    const arrived = async (hash: Hex) => reader.waitForTransactionReceipt({ hash });
    const deployed = async (hash: Hex): Promise<Address> => {
      const { contractAddress } = await arrived(hash);
      if (!contractAddress) throw new Error("the deployment made no contract");
      return contractAddress;
    };
    const contract = await deployed(
      await wallet.deployContract({
        account: bank,
        abi: tabcastPotAbi,
        bytecode: tabcastPotBytecode,
        args: [0, zeroAddress, zeroAddress], // no fee, no Permit2
      }),
    );
    const play = currency && (await openPlayDollars({ account: bank, wallet, deployed }));
    const faucet = openFaucet(async (to) => {
      const { amount, dollars } = faucetLimits;
      await arrived(await wallet.sendTransaction({ account: bank, to, value: amount }));
      if (play === undefined) return { sent: amount };
      await arrived(await play.mint(to, dollars));
      return { sent: amount, dollars };
    });
    return {
      id: localChainId,
      rpc: anvil.rpc,
      contract,
      ...(play && { currency: play.currency }),
      local: {
        pid: anvil.pid,
        faucet,
        async warp(until) {
          const { timestamp } = await reader.getBlock();
          if (timestamp >= BigInt(until)) return;
          await test.setNextBlockTimestamp({ timestamp: BigInt(until) });
          await test.mine({ blocks: 1 });
        },
        kill: () => anvil.kill(),
      },
      close: () => anvil.close(),
    };
  } catch (error) {
    await anvil.close();
    throw error;
  }
}

/** Deploys play dollars, which `account` mints. */
async function openPlayDollars({
  account,
  wallet,
  deployed,
}: {
  readonly account: Address;
  readonly wallet: WalletClient<Transport, typeof foundry>;
  readonly deployed: (hash: Hex) => Promise<Address>;
}) {
  const { playDollarAbi: abi, playDollarBytecode: bytecode } = await import(
    "@tabcast/contracts/play-dollar"
  );
  const token = await deployed(await wallet.deployContract({ account, abi, bytecode }));
  const facts = { symbol: "USDC", decimals: 6, dollars: true, perCoin: playPerCoin };
  return {
    currency: { token, ...facts } satisfies CurrencyConfig,
    mint: (to: Address, amount: Amount): Promise<Hex> =>
      wallet.writeContract({
        ...{ account, address: token, abi },
        functionName: "mint",
        args: [to, amount],
      }),
  };
}

/** Gives by `give` within the faucet's bounds. */
function openFaucet<T>(give: (to: Address) => Promise<T>): (address: string) => Promise<T> {
  const given = new Map<string, number>();
  let total = 0;
  const refuse = (why: string): never => {
    throw new ChainError({ code: "FAUCET_REFUSED", why }, `the faucet refuses: ${why}`);
  };
  return async (address) => {
    if (!isAddress(address, { strict: false })) return refuse("that is not an address");
    const key = address.toLowerCase();
    const times = given.get(key) ?? 0;
    if (times >= faucetLimits.perAddress)
      return refuse(`${faucetLimits.perAddress} times for one address is enough`);
    if (total >= faucetLimits.total) return refuse("it is empty");
    given.set(key, times + 1);
    total++;
    return give(key as Address);
  };
}

/** What the environment says of a chain; undefined: use the embedded one. Throws CHAIN_CONFIG naming the variable. */
export interface ExternalChain {
  readonly rpc: string;
  readonly contract: Address;
  readonly id: number;
  readonly payerKey: Hex;
  /** What its pots are in. Missing: the chain's own coin. */
  readonly currency?: CurrencyConfig;
}

/**
 * Reads TABCAST_RPC, TABCAST_CONTRACT, TABCAST_CHAIN_ID and TABCAST_PAYER_KEY, and TABCAST_CURRENCY with TABCAST_COIN_PRICE. Throws
 * CHAIN_CONFIG, never showing the key, and CHAIN_NO_TOKEN where the chain's USDC is not known.
 */
export function externalChain(
  env: Readonly<Record<string, string | undefined>>,
): ExternalChain | undefined {
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;
  const [rpc, contract, id, payerKey] = [
    "TABCAST_RPC",
    "TABCAST_CONTRACT",
    "TABCAST_CHAIN_ID",
    "TABCAST_PAYER_KEY",
  ].map(read);
  if (rpc === undefined && contract === undefined && id === undefined) return undefined;
  const bad = (name: string, message: string): never => {
    throw new ChainError({ code: "CHAIN_CONFIG", name }, message);
  };
  if (rpc === undefined || !/^https?:$/.test(URL.parse(rpc)?.protocol ?? ""))
    return bad("TABCAST_RPC", "TABCAST_RPC must be the http address of the chain's JSON-RPC");
  if (contract === undefined || !isAddress(contract, { strict: false }))
    return bad(
      "TABCAST_CONTRACT",
      "TABCAST_CONTRACT must be TabcastPot's address, 0x and 40 digits",
    );
  if (id === undefined || !/^[1-9]\d{0,14}$/.test(id))
    return bad("TABCAST_CHAIN_ID", "TABCAST_CHAIN_ID must be the chain's number, such as 8453");
  if (payerKey === undefined || !isHex(payerKey) || payerKey.length !== 66)
    return bad("TABCAST_PAYER_KEY", "TABCAST_PAYER_KEY must be a private key, 0x and 64 digits");
  const currency = externalCurrency(
    Number(id),
    read("TABCAST_CURRENCY"),
    read("TABCAST_COIN_PRICE"),
  );
  return {
    ...{ rpc, contract: contract as Address, id: Number(id), payerKey },
    ...(currency && { currency }),
  };
}

/** Parts of a dollar: USDC's six decimals. */
const DOLLAR_DECIMALS = 6;

/** What TABCAST_CURRENCY says; undefined: the chain's own coin. Throws CHAIN_CONFIG, CHAIN_NO_TOKEN. */
function externalCurrency(
  id: number,
  name: string | undefined,
  coinPrice: string | undefined,
): CurrencyConfig | undefined {
  if (name === undefined || name === "eth") return undefined;
  if (name !== "usdc")
    throw new ChainError(
      { code: "CHAIN_CONFIG", name: "TABCAST_CURRENCY" },
      "TABCAST_CURRENCY must be usdc, or eth for the chain's own coin",
    );
  const token = Chains.of(id).usdc;
  if (token === undefined)
    throw new ChainError(
      { code: "CHAIN_NO_TOKEN", chain: id },
      `no USDC is known on chain ${id} (TABCAST_CHAIN_ID), so TABCAST_CURRENCY cannot be usdc there`,
    );
  const [, whole, cents = ""] = /^([0-9]{1,7})(?:\.([0-9]{1,6}))?$/.exec(coinPrice ?? "") ?? [];
  const perCoin = BigInt(`${whole ?? 0}${cents.padEnd(DOLLAR_DECIMALS, "0")}`);
  if (perCoin === 0n)
    throw new ChainError(
      { code: "CHAIN_CONFIG", name: "TABCAST_COIN_PRICE" },
      "TABCAST_COIN_PRICE must be the dollars that a whole coin of the chain costs, such as 3000 or 2999.5",
    );
  const facts = { symbol: "USDC", decimals: DOLLAR_DECIMALS, dollars: true };
  return { token, ...facts, perCoin: perCoin.toString() };
}

/** Checks a chain that is not ours before anything is started on it. Throws a ChainError. */
export async function openExternalChain(
  { rpc, contract, id, payerKey, currency }: ExternalChain,
  { deposit, signal }: { deposit?: Amount; signal: AbortSignal },
): Promise<Chain> {
  const client = createPublicClient({
    transport: http(rpc, { retryCount: 0, timeout: 10_000, fetchOptions: { signal } }),
  });
  const got = await client.getChainId().catch((cause) => {
    signal.throwIfAborted();
    // The address may hold an access key in its path, and the cause repeats it: only the host is shown.
    throw new ChainError(
      { code: "CHAIN_UNREACHABLE", rpc: new URL(rpc).host },
      `the chain at ${new URL(rpc).host} (TABCAST_RPC) does not answer: ${shortly(cause)}`,
    );
  });
  if (got !== id)
    throw new ChainError(
      { code: "CHAIN_WRONG_ID", wanted: id, got },
      `the chain at TABCAST_RPC has id ${got}, and TABCAST_CHAIN_ID says ${id}`,
    );
  const domain = await client
    .readContract({ address: contract, abi: tabcastPotAbi, functionName: "eip712Domain" })
    .catch(() => undefined);
  if (domain?.[1] !== "TabcastPot")
    throw new ChainError(
      { code: "CHAIN_NO_CONTRACT", contract },
      `there is no TabcastPot at ${contract} (TABCAST_CONTRACT) on chain ${id}`,
    );
  if (currency !== undefined) await requireToken(client, id, currency);
  const payer = privateKeyToAccount(payerKey).address;
  const { coin } = Chains.of(id);
  const funds = { payer, coin, currency, deposit: deposit ?? usualDepositIn({ currency }) };
  await requireFunds(client, funds);
  return { id, rpc, contract, payerKey, ...(currency && { currency }), close: async () => {} };
}

/** Throws CHAIN_NO_TOKEN unless the token is what the configuration says. */
async function requireToken(
  client: PublicClient,
  id: number,
  currency: CurrencyConfig,
): Promise<void> {
  const { token, symbol, decimals } = currency;
  const fail = (why: string): never => {
    throw new ChainError(
      { code: "CHAIN_NO_TOKEN", chain: id, token },
      `${token} on chain ${id} is not the ${symbol} of TABCAST_CURRENCY: ${why}`,
    );
  };
  if (!(await client.getCode({ address: token }))) return fail("there is no code");
  const at = { address: token, abi: erc20Abi } as const;
  const asked = await Promise.all([
    client.readContract({ ...at, functionName: "decimals" }),
    client.readContract({ ...at, functionName: "symbol" }),
  ]).catch(() => fail("it does not answer as an ERC-20 token"));
  if (asked[0] !== decimals) return fail(`it has ${asked[0]} decimals, not ${decimals}`);
  if (asked[1] !== symbol) return fail(`its symbol is ${asked[1].slice(0, 20)}`);
}

interface Funds {
  readonly payer: Address;
  /** What the chain's coin is called. */
  readonly coin: string;
  readonly currency: CurrencyConfig | undefined;
  readonly deposit: Amount;
}

/** Throws CHAIN_POOR unless the payer has the deposit, and coins for its gas. */
async function requireFunds(
  client: PublicClient,
  { payer, coin, currency, deposit }: Funds,
): Promise<void> {
  const [coins, gasPrice] = await Promise.all([
    client.getBalance({ address: payer }),
    client.getGasPrice(),
  ]);
  const poor = (needed: bigint, balance: bigint, message: string): never => {
    const amounts = { needed: Amount.of(needed), balance: Amount.of(balance) };
    throw new ChainError({ code: "CHAIN_POOR", payer, ...amounts }, message);
  };
  const gas = gasPrice * gasOfAStream;
  const needed = currency === undefined ? deposit + gas : gas;
  if (coins < needed) {
    const what = currency === undefined ? "the deposit and its gas" : "gas";
    poor(
      needed,
      coins,
      `${payer} has ${formatEther(coins)} ${coin}, and ${formatEther(needed)} are needed for ${what}`,
    );
  }
  if (currency === undefined) return;
  const { token, symbol, decimals } = currency;
  const at = { address: token, abi: erc20Abi } as const;
  const has = await client.readContract({ ...at, functionName: "balanceOf", args: [payer] });
  const shown = (amount: bigint) => formatUnits(amount, decimals);
  if (has < deposit)
    poor(
      deposit,
      has,
      `${payer} has ${shown(has)} ${symbol}, and ${shown(deposit)} are needed for the deposit`,
    );
}

/** The first line of an error, without the request that viem appends. */
function shortly(error: unknown): string {
  const short = (error as { shortMessage?: unknown }).shortMessage;
  return (typeof short === "string" ? short : describe(error)).split("\n")[0] as string;
}
