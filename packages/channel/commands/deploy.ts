import { parseArgs } from "node:util";
import { tabcastPotAbi } from "@tabcast/contracts";
import { type Clock, systemClock } from "@tabcast/runtime";
import { keccak256, type LocalAccount } from "viem";
import { estimateGas, getBalance, getChainId, getCode, readContract } from "viem/actions";
import { shown } from "../src/chain/chain-error.ts";
import { type ChainFacts, of, transactionPage } from "../src/chain/chains.ts";
import { codeMatches } from "../src/chain/code.ts";
import {
  ARGUMENTS,
  deployment,
  FACTORY,
  FACTORY_CREATION,
  potAddress,
  SALT,
} from "../src/chain/create2.ts";
import { fees } from "../src/chain/gas.ts";
import { l1Fee } from "../src/chain/l1-fee.ts";
import { openRpc, type Rpc } from "../src/chain/rpc.ts";
import { openSender, type Sender } from "../src/chain/sender.ts";
import type { Sent } from "../src/chain/types.ts";
import type { Address, Hex } from "../src/types.ts";
import { type Deployment, readDeployment, sameContract, writeDeployment } from "./deployments.ts";
import { deployKey } from "./key.ts";
import { CommandError, coins, gwei, misuse, rpcUrl } from "./words.ts";

export const deployHelp = `Deploys TabcastPot at the address that it has on every chain, checks it, and writes deployments/CHAINID.json.

npm run deploy -- --rpc URL [--key-file FILE] [--yes] [--replace] [--help]

  --rpc URL        JSON-RPC of the chain, over HTTP
  --key-file FILE  a private key, 0x and 64 hex digits, whose account pays; else TABCAST_DEPLOY_KEY in the environment;
                   a local chain needs none
  --yes            send it; without, off local chains, it only says what it would do and cost
  --replace        the record in deployments/ may be replaced by that of another address

Ends with 0 if the contract is on the chain and recorded, with 1 if the chain or the record say otherwise, with 2 if what
was given is wrong or not enough. docs/chains.md names the chains.`;

export interface DeployOptions {
  readonly rpc: string;
  readonly keyFile?: string | undefined;
  /** Send it though the chain's money is real. */
  readonly yes: boolean;
  readonly replace: boolean;
}

/** Where the command reads and writes. */
export interface DeployWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder of the records. */
  readonly folder: string;
  /** One line for people. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

const usage = "npm run deploy -- --rpc URL [--key-file FILE] [--yes]";

/** Reads the command line; undefined: help was asked for. Throws COMMAND_MISUSE. */
export function readDeployArgs(argv: readonly string[]): DeployOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        rpc: { type: "string" },
        "key-file": { type: "string" },
        yes: { type: "boolean", default: false },
        replace: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return undefined;
    const { yes, replace } = values;
    return { rpc: rpcUrl(values.rpc, usage), keyFile: values["key-file"], yes, replace };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    return misuse("", `${(error as Error).message.split("\n")[0]}; ${usage}`);
  }
}

/** Puts the contract on the chain, or finds it there, and records it. Throws a ChainError or a CommandError. */
export async function runDeploy(options: DeployOptions, world: DeployWorld): Promise<Deployment> {
  const { say, signal, folder, clock = systemClock } = world;
  const rpc = openRpc({ url: options.rpc, timeout: 10_000, clock });
  const chainId = await rpc.ask(signal, (client) => getChainId(client));
  const facts = of(chainId);
  const account = await deployKey({ file: options.keyFile, env: world.env }, facts);
  const contract = potAddress();
  const old = await readDeployment(folder, chainId);
  if (old && !sameContract(old, { contract }) && !options.replace)
    throw new CommandError(
      { code: "COMMAND_REFUSED", why: "record" },
      `deployments/${chainId}.json has ${old.contract}, of version ${old.version}; these sources give ${contract}. ` +
        "Both stay on the chain: --replace records the new one",
    );
  const ground: Ground = { rpc, facts, contract, signal };
  let sent: Sent | undefined;
  if (await codeAt(ground, contract)) say(`${contract} on ${facts.name} has code already`);
  else sent = await deployNow(ground, account, options, world);
  const record = await checked(ground, sent ?? (old && sameContract(old, { contract }) ? old : {}));
  const file = await writeDeployment(folder, record);
  say(`checked: its code is that of these sources, version ${record.version}; wrote ${file}`);
  return record;
}

/** What every step needs. */
interface Ground {
  readonly rpc: Rpc;
  readonly facts: ChainFacts;
  /** Where the contract is or will be. */
  readonly contract: Address;
  readonly signal: AbortSignal;
}

const codeAt = ({ rpc, signal }: Ground, address: Address): Promise<Hex | undefined> =>
  rpc.ask(signal, (client) => getCode(client, { address }));

async function deployNow(
  ground: Ground,
  account: LocalAccount,
  options: DeployOptions,
  { say, clock = systemClock }: DeployWorld,
): Promise<Sent> {
  const { rpc, facts, contract, signal } = ground;
  const plan = await planOf(ground, account);
  const gas = `${plan.gas} units of gas at ${gwei(plan.price)}`;
  say(`TabcastPot goes to ${contract} on ${facts.name}, chain ${facts.id}, by ${shown(rpc.url)}`);
  if (plan.factory > 0n)
    say(`the factory that makes its address is missing there: ${coins(plan.factory, facts)}`);
  if (plan.l1 > 0n) say(`its bytes on L1 cost ${coins(plan.l1, facts)}`);
  say(
    `${gas}, ${coins(plan.cost, facts)} in all; ${account.address} has ${coins(plan.have, facts)}`,
  );
  if (plan.have < plan.cost)
    return misuse(
      "--key-file",
      `${account.address} has ${coins(plan.have, facts)} and needs ${coins(plan.cost, facts)}: send it some first`,
    );
  if (facts.kind !== "local" && !options.yes)
    return misuse(
      "--yes",
      `nothing was sent, as ${facts.name} is no local chain: add --yes to send it`,
    );
  const sender = openSender({
    rpc,
    contract: undefined,
    patience: 300_000,
    confirmations: facts.confirmations,
    repriceAfter: 60_000,
    gasCap: facts.gasCap,
    clock,
    onNews: ({ type }) => say(`waiting: ${type}`),
  });
  if (plan.factory > 0n) await makeFactory(ground, sender, account);
  const domain = { chainId: facts.id, contract };
  const sent = await sender.send(account, deployment(), domain, { signal });
  const page = transactionPage(facts, sent.hash);
  say(`deployed in block ${sent.block} for ${coins(sent.cost, facts)}: ${page ?? sent.hash}`);
  return sent;
}

/** What deploying costs, wei. `factory`: for the factory, 0 if it is there. */
async function planOf(ground: Ground, account: LocalAccount) {
  const { rpc, facts, signal } = ground;
  const factory = (await codeAt(ground, FACTORY)) ? 0n : FACTORY_CREATION.cost;
  const call = deployment();
  const have = await rpc.ask(signal, (client) => getBalance(client, { address: account.address }));
  // Without the factory its call does nothing, so the creation itself is priced; the factory adds some 32,000 units.
  const creation = { data: `0x${call.data?.slice(66)}` as Hex, value: 0n };
  const gas = await rpc.ask(signal, (client) =>
    // Without its account's balance: what is missing is told in our words.
    estimateGas(client, { account: FACTORY_CREATION.from, ...(factory ? creation : call) }),
  );
  const limit = ((gas + (factory ? 40_000n : 0n)) * 6n) / 5n;
  const { price } = await rpc.ask(signal, fees);
  const l1 = await rpc.ask(signal, (client) =>
    l1Fee(client, { ...call, chainId: facts.id, gas: limit, maxFeePerGas: price, type: "eip1559" }),
  );
  return { have, gas: limit, price, l1, factory, cost: limit * price + l1 + factory };
}

/** Puts the factory on the chain by its keyless transaction, for which its sender is given what it lacks. */
async function makeFactory(ground: Ground, sender: Sender, account: LocalAccount): Promise<void> {
  const { rpc, facts, contract, signal } = ground;
  const { from, raw, cost } = FACTORY_CREATION;
  const has = await rpc.ask(signal, (client) => getBalance(client, { address: from }));
  const domain = { chainId: facts.id, contract };
  if (has < cost)
    await sender.send(account, { to: from, value: cost - has }, domain, { signal, once: true });
  await sender.resend(raw, signal);
}

/** Reads back what is there. Throws COMMAND_REFUSED unless it is ours. */
async function checked(
  ground: Ground,
  made: { readonly hash?: Hex; readonly tx?: Hex; readonly block?: bigint | number },
): Promise<Deployment> {
  const { rpc, facts, contract, signal } = ground;
  const refuse = (message: string): never => {
    throw new CommandError({ code: "COMMAND_REFUSED", why: "code" }, message);
  };
  const code = await codeAt(ground, contract);
  if (!code) return refuse(`there is no code at ${contract} after the deployment`);
  if (!codeMatches(code)) return refuse(`the code at ${contract} is not that of these sources`);
  const read = { address: contract, abi: tabcastPotAbi } as const;
  const [feeBps, feeRecipient, permit2, domain] = await rpc.ask(signal, (client) =>
    Promise.all([
      readContract(client, { ...read, functionName: "FEE_BPS" }),
      readContract(client, { ...read, functionName: "FEE_RECIPIENT" }),
      readContract(client, { ...read, functionName: "PERMIT2" }),
      readContract(client, { ...read, functionName: "eip712Domain" }),
    ]),
  );
  const args = { feeBps, feeRecipient, permit2 };
  if (JSON.stringify(args) !== JSON.stringify(ARGUMENTS))
    return refuse(
      `the contract at ${contract} was made with other values: ${JSON.stringify(args)}`,
    );
  const tx = made.hash ?? made.tx;
  return {
    chainId: facts.id,
    chain: facts.name,
    contract,
    version: domain[2],
    ...(made.block !== undefined && { block: Number(made.block) }),
    ...(tx && { tx }),
    factory: FACTORY,
    salt: SALT,
    args,
    codeHash: keccak256(code),
  };
}
