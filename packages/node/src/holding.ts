/** The bytes of a track as its holders keep and serve them: as they are, or encrypted where its stream is private. */
import { ENCRYPTED_MORE, type Of, type WatchKeys } from "@tabcast/protocol";

/** Which half of a track's segment. */
export type Half = "init" | "media";

/** Whose half it is. */
export interface OfTrack {
  readonly seq: number;
  /** "720p", "source", "audio". */
  readonly track: string;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** What a stream's bytes are to its holders. Hashes and sizes in receipts and entries are of what is held. */
export interface Holding {
  /** Bytes that are held beyond those of the media. */
  readonly more: number;
  hold(half: Half, plain: Bytes, of: OfTrack): Promise<Bytes>;
  /** Throws PROTOCOL_ENCRYPTED where what is held is not what it should be. */
  open(half: Half, held: Bytes, of: OfTrack): Promise<Bytes>;
}

const asItIs: Holding = {
  more: 0,
  hold: async (_, plain) => plain,
  open: async (_, held) => held,
};

/** `keys`: of a private stream; undefined: everybody may see what is held. */
export function openHolding(keys: Pick<WatchKeys, Half> | undefined): Holding {
  if (keys === undefined) return asItIs;
  // One encoder makes the same init segment every time, and players keep it: it is of no one segment.
  const thing = (half: Half, { seq, track }: OfTrack): Of => ({
    number: half === "init" ? 0 : seq,
    name: track,
  });
  return {
    more: ENCRYPTED_MORE,
    hold: (half, plain, of) => keys[half].encrypt(plain, thing(half, of)),
    open: (half, held, of) => keys[half].decrypt(held, thing(half, of)),
  };
}

/** Both halves as they are held. */
export async function holdBoth(
  holding: Holding,
  { init, media }: { readonly init: Bytes; readonly media: Bytes },
  of: OfTrack,
): Promise<{ readonly init: Bytes; readonly media: Bytes }> {
  return {
    init: await holding.hold("init", init, of),
    media: await holding.hold("media", media, of),
  };
}
