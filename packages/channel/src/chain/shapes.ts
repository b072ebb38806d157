/** What a server may answer to a method, before anything is read from it. Knows no contract. */

const QUANTITY = /^0x[0-9a-f]{1,64}$/i;
/** At most 2^52 - 1: a count, a time or a chain's id, which become JavaScript numbers. */
const COUNT = /^0x0*[0-9a-f]{1,13}$/i;
const BYTES = /^0x(?:[0-9a-f]{2})*$/i;
const HASH = /^0x[0-9a-f]{64}$/i;
const ADDRESS = /^0x[0-9a-f]{40}$/i;

type Params = readonly unknown[];
type Fits = (result: unknown, params: Params) => boolean;

type Check = (value: unknown) => boolean;

const text =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === "string" && pattern.test(value);
const quantity = text(QUANTITY);
const count = text(COUNT);
const bytes = text(BYTES);
const hash = text(HASH);
const address = text(ADDRESS);

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** The value is missing, null, or fits. */
const perhaps = (fits: Check) => (value: unknown) =>
  value === undefined || value === null || fits(value);

function block(value: unknown, params: Params): boolean {
  // A block that a server does not have is null; the newest it must have.
  if (value === null) return params[0] !== "latest" && params[0] !== "pending";
  return (
    fields(value) &&
    perhaps(quantity)(value.number) &&
    perhaps(hash)(value.hash) &&
    count(value.timestamp) &&
    perhaps(quantity)(value.baseFeePerGas) &&
    Array.isArray(value.transactions)
  );
}

function log(value: unknown): boolean {
  return (
    fields(value) &&
    address(value.address) &&
    Array.isArray(value.topics) &&
    value.topics.length <= 4 &&
    value.topics.every(hash) &&
    bytes(value.data) &&
    perhaps(quantity)(value.blockNumber) &&
    perhaps(hash)(value.transactionHash) &&
    perhaps(count)(value.logIndex)
  );
}

const logs = (value: unknown) => Array.isArray(value) && value.every(log);

function receipt(value: unknown, [asked]: Params): boolean {
  if (value === null) return true;
  return (
    fields(value) &&
    is(value.transactionHash, asked) &&
    quantity(value.blockNumber) &&
    hash(value.blockHash) &&
    count(value.status) &&
    quantity(value.gasUsed) &&
    perhaps(quantity)(value.effectiveGasPrice) &&
    perhaps(address)(value.from) &&
    perhaps(address)(value.to) &&
    perhaps(address)(value.contractAddress) &&
    logs(value.logs)
  );
}

function transaction(value: unknown, [asked]: Params): boolean {
  if (value === null) return true;
  return (
    fields(value) &&
    is(value.hash, asked) &&
    count(value.nonce) &&
    address(value.from) &&
    perhaps(quantity)(value.blockNumber) &&
    perhaps(quantity)(value.gasPrice) &&
    perhaps(quantity)(value.maxFeePerGas)
  );
}

/** What a contract returns is whole words; what init code returns is code, of any length. */
function called(value: unknown, [call]: Params): boolean {
  return bytes(value) && (!fields(call) || !call.to || (String(value).length - 2) % 64 === 0);
}

/** The hash is the one that was asked for. */
const is = (value: unknown, asked: unknown) =>
  hash(value) && String(value).toLowerCase() === String(asked).toLowerCase();

const FITS: Readonly<Record<string, Fits>> = {
  eth_blockNumber: quantity,
  eth_call: called,
  eth_chainId: count,
  eth_estimateGas: quantity,
  eth_gasPrice: quantity,
  eth_getBalance: quantity,
  eth_getBlockByHash: block,
  eth_getBlockByNumber: block,
  eth_getCode: bytes,
  eth_getLogs: logs,
  eth_getTransactionByHash: transaction,
  eth_getTransactionCount: count,
  eth_getTransactionReceipt: receipt,
  eth_maxPriorityFeePerGas: quantity,
  eth_sendRawTransaction: hash,
};

/** False if the result cannot be an answer to the question. What is not in the table is let through. */
export function fits(method: string, params: Params, result: unknown): boolean {
  return FITS[method]?.(result, params) ?? true;
}
