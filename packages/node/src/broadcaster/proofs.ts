import type { Mesh, PeerId } from "@tabcast/mesh";
import { Equivocation, PROOFS_TOPIC } from "@tabcast/protocol";
import { BoundedMap, toHex } from "@tabcast/runtime";
import type { Signed } from "./delivery.ts";

/** Receipts remembered, to find two for one segment. */
const MOST_RECEIPTS = 512;

/** Finds two different receipts for one segment: a proof against their signer, which everybody is told. */
export interface Proofs {
  /** True if this receipt and an earlier one are a proof. */
  conflicts(worker: PeerId, got: Signed): boolean;
}

/** `failed` is told why a proof could not be sent. */
export function openProofs(mesh: Pick<Mesh, "publish">, failed: (error: unknown) => void): Proofs {
  const receipts = new BoundedMap<string, Signed>(MOST_RECEIPTS);

  return {
    conflicts(worker, got) {
      const { award, epoch, seq } = got.receipt;
      const key = `${worker} ${toHex(award)} ${epoch} ${seq}`;
      const before = receipts.get(key) ?? got;
      if (before === got) receipts.set(key, got);
      if (toHex(before.hash) === toHex(got.hash)) return false;
      const proof = Equivocation.encode({ first: before.sealed, second: got.sealed });
      mesh.publish(PROOFS_TOPIC, proof).catch(failed);
      return true;
    },
  };
}
