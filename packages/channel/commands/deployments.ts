import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAddress, isAddressEqual } from "viem";
import type { PotArguments } from "../src/chain/create2.ts";
import type { Address, Hex } from "../src/types.ts";
import { CommandError } from "./words.ts";

/** What `deployments/CHAINID.json` says. */
export interface Deployment {
  readonly chainId: number;
  /** The chain's name. */
  readonly chain: string;
  readonly contract: Address;
  /** The contract's own, as its EIP-712 domain has it. */
  readonly version: string;
  /** Where it was deployed; missing if somebody else did. */
  readonly block?: number;
  readonly tx?: Hex;
  /** Who made it, by CREATE2, with which salt. */
  readonly factory: Address;
  readonly salt: Hex;
  /** Its constructor's. */
  readonly args: PotArguments;
  /** Keccak-256 of the code on the chain. */
  readonly codeHash: Hex;
}

const fileOf = (folder: string, chainId: number) => join(folder, `${chainId}.json`);

function refuse(message: string): never {
  throw new CommandError({ code: "COMMAND_REFUSED", why: "record" }, message);
}

/** The record of a chain; undefined if there is none. Throws COMMAND_REFUSED if it cannot be read. */
export async function readDeployment(
  folder: string,
  chainId: number,
): Promise<Deployment | undefined> {
  const file = fileOf(folder, chainId);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    return refuse(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown"}`);
  }
  try {
    const found = JSON.parse(text) as Deployment;
    if (found.chainId === chainId && isAddress(found.contract, { strict: false })) return found;
  } catch {
    // Told below.
  }
  return refuse(
    `${file} is no record of a deployment on chain ${chainId}; mend it, or move it away`,
  );
}

/** True if both are of one contract. */
export const sameContract = (a: Pick<Deployment, "contract">, b: Pick<Deployment, "contract">) =>
  isAddressEqual(a.contract, b.contract);

/** Writes the record at once, or not at all; gives the file's name. */
export async function writeDeployment(folder: string, record: Deployment): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = fileOf(folder, record.chainId);
  await writeFile(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  await rename(`${file}.new`, file);
  return file;
}
