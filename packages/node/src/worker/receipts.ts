import { BoundedMap, CodedError, equalBytes } from "@tabcast/runtime";

/** Receipts kept per award, to answer a repeated job with. */
const MOST_RECEIPTS = 32;

/** A segment came before with other bytes, or was signed for another job. Do: nothing; a second receipt for it would be a fraud. */
export class ReceiptError extends CodedError<{ code: "JOB_CONFLICT" }> {}

/** What we signed for one award: a segment is not signed again, for two receipts would be a fraud. */
export interface Receipts {
  has(seq: number): boolean;
  /** The receipt of a segment that was done before; throws JOB_CONFLICT if its source was not `mediaHash`. */
  of(seq: number, mediaHash: Uint8Array): Uint8Array<ArrayBuffer> | undefined;
  /** It is no newer than a segment whose receipt has made room. */
  tooOld(seq: number): boolean;
  /**
   * Keeps a receipt and the hash of the source it is about, before it leaves; the oldest makes room. Throws JOB_CONFLICT where the segment
   * has one already, or may have had one: two jobs of one segment can be in hand while the first is called back.
   */
  put(seq: number, signed: { readonly source: Uint8Array; readonly sealed: Uint8Array }): void;
}

export function openReceipts(): Receipts {
  /** The newest sequence whose receipt made room. */
  let forgotten = -1;
  const receipts = new BoundedMap<
    number,
    { readonly source: Uint8Array; readonly sealed: Uint8Array }
  >(MOST_RECEIPTS, (seq) => {
    forgotten = Math.max(forgotten, seq);
  });
  return {
    has: (seq) => receipts.has(seq),
    of(seq, mediaHash) {
      const stored = receipts.get(seq);
      if (stored !== undefined && !equalBytes(stored.source, mediaHash))
        throw new ReceiptError(
          { code: "JOB_CONFLICT" },
          `segment ${seq} came before with other bytes`,
        );
      return stored?.sealed.slice();
    },
    tooOld: (seq) => seq <= forgotten,
    put(seq, signed) {
      if (receipts.has(seq) || seq <= forgotten)
        throw new ReceiptError(
          { code: "JOB_CONFLICT" },
          `segment ${seq} was signed while this job was in hand`,
        );
      receipts.set(seq, signed);
    },
  };
}
