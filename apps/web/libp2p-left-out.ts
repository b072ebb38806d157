import type { Plugin } from "vite";

const keys = "/@libp2p/crypto/dist/src/keys/";

/**
 * Functions of libp2p that no tab of ours calls, by the end of their file's path: keys of other kinds than Ed25519, which no peer
 * has (SPEC.md, section 1), and the meters of gossip, which only a node with metrics asks for.
 */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
  [`${keys}secp256k1/utils.js`]: [
    "generateSecp256k1KeyPair",
    "unmarshalSecp256k1PrivateKey",
    "unmarshalSecp256k1PublicKey",
  ],
  [`${keys}ecdsa/utils.js`]: [
    "generateECDSAKeyPair",
    "pkiMessageToECDSAPrivateKey",
    "pkiMessageToECDSAPublicKey",
    "unmarshalECDSAPrivateKey",
    "unmarshalECDSAPublicKey",
  ],
  [`${keys}rsa/utils.js`]: [
    "generateRSAKeyPair",
    "jwkToRSAPrivateKey",
    "pkcs1MessageToRSAPrivateKey",
    "pkcs1ToRSAPrivateKey",
    "pkixMessageToRSAPublicKey",
    "pkixToRSAPublicKey",
  ],
  "/@libp2p/gossipsub/dist/src/metrics.js": ["getMetrics"],
};

/**
 * Leaves out of a page what its libp2p never calls; a call all the same throws a TypeError. What only those functions import goes
 * with them. Fails the build where a new version of libp2p has moved one.
 */
export function libp2pLeftOut(): Plugin {
  return {
    name: "tabcast:libp2p-left-out",
    apply: "build",
    transform(code, id) {
      const [file, names] = Object.entries(LEFT_OUT).find(([end]) => id.endsWith(end)) ?? [];
      if (names === undefined) return undefined;
      let left = code;
      for (const name of names) {
        const declared = new RegExp(`^export (?:async )?function ${name}\\(`, "m");
        if (!declared.test(left))
          throw new Error(`${file} exports no function ${name}: see libp2p-left-out.ts`);
        left = left.replace(declared, (text) =>
          text.replace("export ", "").replace(name, `${name}Unused`),
        );
        left += `\nexport function ${name}() { throw new TypeError("${name} is not built into this page"); }`;
      }
      return { code: left, map: null };
    },
  };
}
