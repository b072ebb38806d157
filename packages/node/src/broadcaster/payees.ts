import { type Domain, PayeeProof, PayeeProofError, Wire } from "@tabcast/channel";
import type { Screen } from "@tabcast/market";
import type { Bid } from "@tabcast/protocol";
import { BoundedMap, concatBytes, equalBytes, toHex } from "@tabcast/runtime";

/** Workers whose last proof is remembered, so that a bid that is repeated is not verified twice. */
const MOST_REMEMBERED = 256;

/** Says what the payees that bids name are worth. */
export interface Payees {
  /** What a bid's payee is worth; `worker`: the raw public key that signed the bid. */
  of(bid: Pick<Bid, "payee" | "payeeProof">, worker: Uint8Array): Promise<Screen.PayeeClaim>;
}

/** `domain`: where the stream's pot lies; `verify`: throws PayeeProofError for a proof that does not hold. */
export function openPayees(domain: Domain, verify = PayeeProof.verify): Payees {
  const known = new BoundedMap<
    string,
    { readonly shown: Uint8Array; readonly claim: "proven" | "forged" }
  >(MOST_REMEMBERED);

  return {
    async of({ payee, payeeProof }, worker) {
      if (payeeProof.byteLength === 0) return "named";
      const key = toHex(worker);
      const shown = concatBytes(payee, payeeProof);
      const before = known.get(key);
      if (before !== undefined && equalBytes(before.shown, shown)) return before.claim;
      const claim = await verify(domain, { payee: Wire.toAddress(payee), worker }, payeeProof).then(
        () => "proven" as const,
        (error: unknown) => {
          if (error instanceof PayeeProofError) return "forged" as const;
          throw error;
        },
      );
      known.set(key, { shown, claim });
      return claim;
    },
  };
}
