import { Check } from "@tabcast/market";
import { openReveal, PROTOCOLS } from "@tabcast/protocol";
import { BoundedMap, toHex } from "@tabcast/runtime";
import { answer } from "../exchange.ts";
import type { WorkerContext } from "./context.ts";

/** Segments of one stream whose receipts are remembered until it shows whom it spot-checked; and streams. */
const MOST_KEPT = 20_000;
const MOST_AUDITS = 16;
const NOTHING = new Uint8Array(0);

/** Audits a stream's reveal of whom it spot-checked against what it promised us: carries out `Check.audit`. */
export interface Audits {
  /** We work for a stream that has committed to a seed in its offer. */
  begin(stream: string, commitment: Uint8Array): void;
  /** A receipt was signed for it. */
  signed(stream: string, kept: Check.Kept): void;
}

export function openAudits({ mesh, on, signal }: WorkerContext): Audits {
  const audits = new BoundedMap<
    string,
    { readonly commitment: Uint8Array; readonly kept: Check.Kept[] }
  >(MOST_AUDITS);

  answer(mesh, PROTOCOLS.reveal, signal, async (head) => {
    const reveal = await openReveal(head);
    const stream = toHex(reveal.stream);
    const audit = audits.get(stream);
    if (audit === undefined || reveal.worker !== mesh.self) return undefined;
    on({
      type: "revealed",
      stream,
      segments: reveal.checks.length,
      checked: reveal.checks.filter(({ checked }) => checked).length,
      complaints: Check.audit(reveal, audit.commitment, audit.kept),
    });
    return NOTHING;
  });

  return {
    begin(stream, commitment) {
      audits.set(stream, audits.get(stream) ?? { commitment, kept: [] });
    },
    signed(stream, one) {
      const kept = audits.get(stream)?.kept;
      if (kept !== undefined && kept.length < MOST_KEPT) kept.push(one);
    },
  };
}
