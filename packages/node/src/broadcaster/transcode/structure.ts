import { Verify } from "@tabcast/market";
import type { Captured, Collected } from "../delivery.ts";
import type { Answer } from "../in-flight.ts";

/** Whether the renditions are built as their rungs and the source ask. Their hashes match what the receipt says. */
export function structureOf(
  { receipt, terms }: Pick<Answer, "receipt" | "terms">,
  { structure: source }: Pick<Captured, "structure">,
  renditions: readonly Pick<Collected, "rung" | "structure">[],
): Verify.Outcome {
  return Verify.all(
    terms.rungs.map((rung) => {
      const rendition = renditions.find((one) => one.rung === rung.name)?.structure;
      const claimed = receipt.renditions.find((one) => one.rung === rung.name);
      if (rendition === undefined || claimed === undefined) return { ok: false, failed: ["rungs"] };
      // Hashes match, or `collect` would have thrown.
      return Verify.check({ rung, source, rendition, claimed, hashesMatch: true });
    }),
  );
}
