import { Verify } from "@tabcast/market";
import type { Holding } from "../../holding.ts";
import type { Captured, Collected } from "../delivery.ts";
import type { Answer } from "../in-flight.ts";

/** Whether the renditions are built as their rungs and the source ask. Their hashes match what the receipt says; holders have so much `more`. */
export function structureOf(
  { receipt, terms }: Pick<Answer, "receipt" | "terms">,
  { structure: source }: Pick<Captured, "structure">,
  renditions: readonly Pick<Collected, "rung" | "structure">[],
  { more }: Pick<Holding, "more"> = { more: 0 },
): Verify.Outcome {
  return Verify.all(
    terms.rungs.map((rung) => {
      const rendition = renditions.find((one) => one.rung === rung.name)?.structure;
      const signed = receipt.renditions.find((one) => one.rung === rung.name);
      if (rendition === undefined || signed === undefined) return { ok: false, failed: ["rungs"] };
      const claimed = { ...signed, mediaLen: signed.mediaLen - more };
      // Hashes match, or `collect` would have thrown.
      return Verify.check({ rung, source, rendition, claimed, hashesMatch: true });
    }),
  );
}
