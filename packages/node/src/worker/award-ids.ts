import { BoundedMap, toHex } from "@tabcast/runtime";
import type { Context } from "../context.ts";

/** Ids of bids whose award may still come; the oldest makes room, and its award is refused. */
const MOST_DRAWN = 256;

/**
 * The id that an award must have, drawn at random for each bid and good for one award. A broadcaster that chose it could have us sign
 * for two segments under one id. Kept in memory alone: a tab that comes back under its old key knows none of its old ids, so it takes
 * no award a second time, however many others it was shown meanwhile.
 */
export interface AwardIds {
  /** 16 bytes for a bid on an offer. A bid that is sent again has the same: which of the two is answered does not matter. */
  draw(offer: Uint8Array): Uint8Array;
  /** What was drawn for an offer; undefined if nothing was, or its award was taken. */
  of(offer: Uint8Array): Uint8Array | undefined;
  /** The award of our bid on this offer is taken: no other may have its id. */
  taken(offer: Uint8Array): void;
}

export function openAwardIds({ random }: Pick<Context, "random">): AwardIds {
  const drawn = new BoundedMap<string, Uint8Array>(MOST_DRAWN);
  const of = (offer: Uint8Array) => drawn.get(toHex(offer));
  return {
    draw(offer) {
      const id = of(offer) ?? random.bytes(16);
      drawn.set(toHex(offer), id);
      return id;
    },
    of,
    taken: (offer) => void drawn.delete(toHex(offer)),
  };
}
