import { type Client, parseAbi, serializeTransaction, type TransactionSerializable } from "viem";
import { getCode, readContract } from "viem/actions";

/** The OP stack's predeploy that prices a transaction's bytes on L1. Source: docs.optimism.io, "predeploys". */
export const GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000F";

const abi = parseAbi(["function getL1Fee(bytes data) view returns (uint256)"]);

/**
 * Wei that a transaction costs beside its gas, for its bytes on L1: what the OP stack's oracle says of it unsigned, for
 * which that adds room for a signature. 0 where there is no oracle.
 */
export async function l1Fee(client: Client, transaction: TransactionSerializable): Promise<bigint> {
  if (!(await getCode(client, { address: GAS_PRICE_ORACLE }))) return 0n;
  const data = serializeTransaction(transaction);
  return readContract(client, {
    ...{ address: GAS_PRICE_ORACLE, abi, functionName: "getL1Fee", args: [data] },
  });
}
