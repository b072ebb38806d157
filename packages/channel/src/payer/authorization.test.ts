import type { Amount } from "@tabcast/runtime";
import { concatHex, type Hex, hashTypedData, recoverAddress, slice, toHex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, test } from "vitest";
import { type Authorization, sign } from "./authorization.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const signal = AbortSignal.timeout(10_000);

/** What a wallet is asked to sign, and by whom what came of it is signed. */
async function signedBy(change: (signature: Hex) => Hex) {
  const account = privateKeyToAccount(generatePrivateKey());
  let hash: Hex = "0x";
  const wallet = {
    address: account.address,
    provider: {
      async request({ method, params }: { method: string; params?: unknown }) {
        if (method === "eth_chainId") return "0x7a69";
        const [, json] = params as [string, string];
        const { EIP712Domain: _, ...types } = JSON.parse(json).types;
        const typed = { ...JSON.parse(json), types };
        hash = hashTypedData(typed);
        return change(await account.signTypedData(typed));
      },
    },
  };
  const meant: Authorization = {
    ...{ amount: (5n as Amount).toString(), validBefore: 9_999_999_999 },
    ...{ authSalt: toHex(1, { size: 32 }), signerGas: "0" },
  };
  const contract = `0x${"c0".repeat(20)}` as const;
  const token = { name: "USD Coin", version: "2", chainId: 31_337, verifyingContract: contract };
  const potId = toHex(2, { size: 32 });
  const signature = await sign(wallet, meant, { token, contract, potId, signal });
  const signer = await recoverAddress({ hash, signature });
  const [s, v] = [BigInt(slice(signature, 32, 64)), Number(slice(signature, 64, 65))];
  return { own: signer === account.address, low: s <= ORDER / 2n, v };
}

const vOf = (signature: Hex) => Number(slice(signature, 64, 65));
/** The same signature with its s in the upper half. */
const high = (signature: Hex) =>
  concatHex([
    slice(signature, 0, 32),
    toHex(ORDER - BigInt(slice(signature, 32, 64)), { size: 32 }),
    toHex(55 - vOf(signature)),
  ]);
const fromZero = (signature: Hex) =>
  concatHex([slice(signature, 0, 64), toHex(vOf(signature) - 27, { size: 1 })]);

test.each([
  ["as most sign", (signature: Hex) => signature],
  ["with s in the upper half", high],
  ["with v from 0", fromZero],
  ["with both", (signature: Hex) => fromZero(high(signature))],
])(
  "a wallet's signature %s is given to the token with a low s and v 27 or 28",
  async (_, change) => {
    // Both parities of v come up among so many keys.
    for (let times = 0; times < 12; times++) {
      const { own, low, v } = await signedBy(change);
      expect({ own, low }).toEqual({ own: true, low: true });
      expect([27, 28]).toContain(v);
    }
  },
);
