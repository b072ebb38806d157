import { readFile, stat } from "node:fs/promises";
import type { LocalAccount } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { ChainFacts } from "../src/chain/chains.ts";
import type { Hex } from "../src/types.ts";
import { misuse } from "./words.ts";

/** The variable that may hold the key instead of a file. */
export const KEY_VARIABLE = "TABCAST_DEPLOY_KEY";

/** The first of the accounts that anvil and Hardhat fill with play money; published with them, of no worth anywhere else. */
const LOCAL_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

export interface KeySource {
  /** A file that holds nothing but the key. */
  readonly file?: string | undefined;
  /** The environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Whose coins pay: the key in the file, else in TABCAST_DEPLOY_KEY, else on a local chain the published one. Throws
 * COMMAND_MISUSE, never with the key in it.
 */
export async function deployKey(
  { file, env }: KeySource,
  facts: ChainFacts,
): Promise<LocalAccount> {
  const from = env[KEY_VARIABLE];
  if (file !== undefined) return account(await read(file), `${file} (--key-file)`);
  if (from !== undefined && from.trim() !== "") return account(from, KEY_VARIABLE);
  if (facts.kind === "local") return privateKeyToAccount(LOCAL_KEY);
  return misuse(
    "--key-file",
    `${facts.name} needs a key that pays: give --key-file FILE, or ${KEY_VARIABLE} in the environment`,
  );
}

/** Most bytes of a key's file: a key has 66. */
const MAX_FILE = 4096;

async function read(file: string): Promise<string> {
  try {
    const found = await stat(file);
    if (!found.isFile()) return misuse("--key-file", `${file} (--key-file) is not a file`);
    if (found.size > MAX_FILE)
      return misuse("--key-file", `${file} (--key-file) has ${found.size} bytes, a key has 66`);
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return misuse("--key-file", `there is no file ${file} (--key-file)`);
    if (code === "EACCES") return misuse("--key-file", `${file} (--key-file) may not be read`);
    throw error;
  }
}

function account(text: string, where: string): LocalAccount {
  const key = text.trim();
  if (key.startsWith("{"))
    return misuse("--key-file", `${where} is an encrypted keystore; a plain key is needed`);
  if (!/^(0x)?[0-9a-f]{64}$/i.test(key))
    return misuse("--key-file", `${where} must hold a private key, 0x and 64 hex digits`);
  try {
    return privateKeyToAccount((key.startsWith("0x") ? key : `0x${key}`) as Hex);
  } catch {
    // Zero, or above the curve's order.
    return misuse("--key-file", `${where} holds 64 hex digits that are no key`);
  }
}
