import {
  decodeFunctionData,
  encodeFunctionResult,
  keccak256,
  parseAbi,
  parseTransaction,
  recoverTransactionAddress,
  size,
  type TransactionSerialized,
} from "viem";
import type { Address, Hex } from "../src/types.ts";
import type { Answer, Asked, Behind, Fault } from "./chain-proxy.ts";

/** The OP stack's predeploy that says what a transaction pays for its bytes on L1. Source: docs.optimism.io, predeploys. */
export const GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000F";
/** Arbitrum's virtual contract about gas. Source: docs.arbitrum.io, NodeInterface. */
export const NODE_INTERFACE = "0x00000000000000000000000000000000000000C8";

const oracle = parseAbi([
  "function getL1Fee(bytes data) view returns (uint256)",
  "function getL1FeeUpperBound(uint256 unsignedTxSize) view returns (uint256)",
  "function l1BaseFee() view returns (uint256)",
  "function isEcotone() view returns (bool)",
  "function isFjord() view returns (bool)",
]);
const nodeInterface = parseAbi([
  "function gasEstimateL1Component(address to, bool contractCreation, bytes data) payable returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate)",
  "function gasEstimateComponents(address to, bool contractCreation, bytes data) payable returns (uint64 gasEstimate, uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate)",
]);

/** Bytes that a signature adds to a transaction; the OP stack's own allowance for it. */
const SIGNATURE_BYTES = 68;
/** Bytes of a transaction beside its data. */
const ENVELOPE_BYTES = 110;
/** anvil fills in a transaction without the units and fees that are played here, so nobody shall ask it to. */
const NO_METHOD: Answer = {
  error: {
    code: -32601,
    message: "the method eth_fillTransaction does not exist/is not available",
  },
};

/**
 * An OP stack chain. Played: the oracle at GAS_PRICE_ORACLE, and code there; the fee taken from the sender's balance once
 * its transaction is in a block, and named as `l1Fee` in the receipt; a transaction refused whose sender cannot pay it.
 * `eth_estimateGas` stays without it, as there. Not played: compression (a byte costs a byte), deposits from L1, and that a
 * reorganisation gives the fee back.
 */
export function opStack(price: { wei: bigint }): Fault {
  const fee = (bytes: number) => price.wei * BigInt(bytes);
  const charge = charging((raw) => fee(size(raw)));
  return async (asked, next, behind) => {
    const { method } = asked;
    if (method === "eth_getCode" && is(asked.params[0], GAS_PRICE_ORACLE))
      return { result: "0x60" };
    if (method === "eth_fillTransaction") return NO_METHOD;
    const data = callTo(asked, GAS_PRICE_ORACLE);
    if (data) return oracleAnswer(data, price.wei, fee);
    if (method === "eth_sendRawTransaction") {
      const raw = asked.params[0] as Hex;
      const poor = await cannotPay(raw, fee(size(raw)), behind);
      if (poor) return poor;
    }
    return charge(asked, next, behind, (receipt, l1Fee) => ({
      ...receipt,
      l1Fee: hex(l1Fee),
      l1GasPrice: hex(price.wei),
      l1GasUsed: hex(price.wei === 0n ? 0n : l1Fee / price.wei),
    }));
  };
}

function oracleAnswer(data: Hex, l1BaseFee: bigint, fee: (bytes: number) => bigint): Answer {
  const { functionName, args } = decodeFunctionData({ abi: oracle, data });
  switch (functionName) {
    case "getL1Fee": {
      const result = fee(size(args[0]) + SIGNATURE_BYTES);
      return { result: encodeFunctionResult({ abi: oracle, functionName, result }) };
    }
    case "getL1FeeUpperBound": {
      const result = fee(Number(args[0]) + SIGNATURE_BYTES);
      return { result: encodeFunctionResult({ abi: oracle, functionName, result }) };
    }
    case "l1BaseFee":
      return { result: encodeFunctionResult({ abi: oracle, functionName, result: l1BaseFee }) };
    default:
      return { result: encodeFunctionResult({ abi: oracle, functionName, result: true }) };
  }
}

/** What op-geth's pool says of a sender that has too little for value, gas and the L1 fee. */
async function cannotPay(raw: Hex, l1Fee: bigint, behind: Behind): Promise<Answer | undefined> {
  const { gas = 0n, maxFeePerGas, gasPrice, value = 0n } = parseTransaction(raw);
  const from = await senderOf(raw);
  const have = BigInt(await behind<Hex>("eth_getBalance", from, "latest"));
  const cost = value + gas * (maxFeePerGas ?? gasPrice ?? 0n) + l1Fee;
  if (have >= cost) return undefined;
  const message = `insufficient funds for gas * price + value: balance ${have}, tx cost ${cost}, overshot ${cost - have}`;
  return { error: { code: -32000, message } };
}

/**
 * An Arbitrum chain. Played: `eth_estimateGas` with the units for L1 in it; NODE_INTERFACE, which names them; a transaction
 * refused whose gas does not cover both; the receipt's `gasUsed` with them in it, and `gasUsedForL1`; their price taken from
 * the sender; tips of 0. Not played: blocks by L1's number, refunds by a reorganisation.
 */
export function arbitrum(price: { unitsPerByte: bigint }): Fault {
  const units = (bytes: number) => price.unitsPerByte * BigInt(bytes + ENVELOPE_BYTES);
  const unitsOf = (raw: Hex) => units(size(parseTransaction(raw).data ?? "0x"));
  const charge = charging(async (raw, receipt) => unitsOf(raw) * BigInt(receipt.effectiveGasPrice));
  return async (asked, next, behind) => {
    const { method } = asked;
    if (method === "eth_maxPriorityFeePerGas") return { result: "0x0" };
    if (method === "eth_fillTransaction") return NO_METHOD;
    if (method === "eth_estimateGas") {
      const got = await next(asked);
      if (typeof got === "string" || !("result" in got)) return got;
      const { data, input } = asked.params[0] as { data?: Hex; input?: Hex };
      return { result: hex(BigInt(got.result as Hex) + units(size(data ?? input ?? "0x"))) };
    }
    const data = callTo(asked, NODE_INTERFACE);
    if (data) return nodeAnswer(data, units, behind);
    if (method === "eth_sendRawTransaction") {
      const raw = asked.params[0] as Hex;
      const { gas = 0n, to, value = 0n, data: input } = parseTransaction(raw);
      const call = { from: await senderOf(raw), to, value: hex(value), data: input ?? "0x" };
      // What reverts anyway is the chain's own to refuse.
      const own = await behind<Hex>("eth_estimateGas", call).catch(() => "0x0" as Hex);
      if (gas < BigInt(own) + unitsOf(raw))
        return { error: { code: -32000, message: "intrinsic gas too low" } };
    }
    return charge(asked, next, behind, (receipt, cost) => {
      const l1 = cost / BigInt(receipt.effectiveGasPrice);
      return { ...receipt, gasUsed: hex(BigInt(receipt.gasUsed) + l1), gasUsedForL1: hex(l1) };
    });
  };
}

async function nodeAnswer(
  data: Hex,
  units: (bytes: number) => bigint,
  behind: Behind,
): Promise<Answer> {
  const { functionName, args } = decodeFunctionData({ abi: nodeInterface, data });
  const [to, creates, input] = args;
  const { baseFeePerGas } = await behind<{ baseFeePerGas: Hex }>(
    "eth_getBlockByNumber",
    "latest",
    false,
  );
  const l1 = units(size(input));
  const baseFee = BigInt(baseFeePerGas);
  if (functionName === "gasEstimateL1Component") {
    const result = [l1, baseFee, baseFee] as const;
    return { result: encodeFunctionResult({ abi: nodeInterface, functionName, result }) };
  }
  const call = { ...(!creates && { to }), data: input };
  const own = BigInt(await behind<Hex>("eth_estimateGas", call));
  const result = [own + l1, l1, baseFee, baseFee] as const;
  return { result: encodeFunctionResult({ abi: nodeInterface, functionName, result }) };
}

interface Receipt {
  readonly from: Address;
  readonly gasUsed: Hex;
  readonly effectiveGasPrice: Hex;
}

/**
 * Takes what a transaction costs beyond anvil's own price from its sender, once, as soon as a block has it, and before any
 * answer shows that block. `dressed` puts it into the receipt.
 */
function charging(costOf: (raw: Hex, receipt: Receipt) => bigint | Promise<bigint>) {
  const waiting = new Map<Hex, Hex>();
  const charged = new Map<Hex, bigint>();

  /** True if somebody was charged. */
  async function collect(behind: Behind): Promise<boolean> {
    let any = false;
    for (const [hash, raw] of waiting) {
      const receipt = await behind<Receipt | null>("eth_getTransactionReceipt", hash);
      // Taken out first: two questions at once must not charge twice.
      if (!receipt || !waiting.delete(hash)) continue;
      const cost = await costOf(raw, receipt);
      const have = BigInt(await behind<Hex>("eth_getBalance", receipt.from, "latest"));
      await behind("anvil_setBalance", receipt.from, hex(have > cost ? have - cost : 0n));
      charged.set(hash, cost);
      any = true;
    }
    return any;
  }

  return async (
    asked: Asked,
    next: (asked: Asked) => Promise<Answer>,
    behind: Behind,
    dressed: (receipt: Receipt, cost: bigint) => object,
  ): Promise<Answer> => {
    if (asked.method === "eth_sendRawTransaction") {
      const raw = asked.params[0] as Hex;
      const got = await next(asked);
      if (typeof got === "object" && "result" in got && !charged.has(keccak256(raw)))
        waiting.set(keccak256(raw), raw);
      await collect(behind);
      return got;
    }
    let got: Answer;
    do got = await next(asked);
    while (await collect(behind));
    const [hash] = asked.params;
    const cost = charged.get(hash as Hex);
    const receipt = asked.method === "eth_getTransactionReceipt" && cost !== undefined;
    return receipt && typeof got === "object" && "result" in got && got.result
      ? { result: dressed(got.result as Receipt, cost) }
      : got;
  };
}

/** The data of an `eth_call` to an address, if it is one. */
function callTo({ method, params }: Asked, address: Address): Hex | undefined {
  if (method !== "eth_call") return undefined;
  const { to, data, input } = params[0] as { to?: string; data?: Hex; input?: Hex };
  return is(to, address) ? (data ?? input ?? "0x") : undefined;
}

const is = (value: unknown, address: Address) =>
  typeof value === "string" && value.toLowerCase() === address.toLowerCase();

const hex = (value: bigint): Hex => `0x${value.toString(16)}`;

const senderOf = (raw: Hex): Promise<Address> =>
  recoverTransactionAddress({ serializedTransaction: raw as TransactionSerialized });
