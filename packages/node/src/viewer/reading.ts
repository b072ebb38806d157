import {
  type Announce,
  type Entry,
  Envelope,
  type Fresh,
  openAnnounce,
  openEntry,
  openPrivateAnnounce,
  openPrivateEntry,
  PrivateAnnounce,
  ProtocolError,
  readPrivateAnnounce,
  type WatchKeys,
} from "@tabcast/protocol";
import { equalBytes } from "@tabcast/runtime";
import type { ViewerEvent } from "./types.ts";

/** What an envelope says it holds, "" for what is none. */
export function kindOf(body: Uint8Array): string {
  try {
    return Envelope.kindOf(body);
  } catch {
    return "";
  }
}

export interface ReadingOptions {
  /** The stream's id, 32 bytes. */
  readonly stream: Uint8Array;
  /** Of a private stream; undefined: the link had no key. */
  readonly keys: Promise<WatchKeys> | undefined;
  /** Told once why a private stream stays shut. */
  readonly on: (event: Extract<ViewerEvent, { type: "locked" }>) => void;
}

/** Reads what a stream says of itself, in the open or encrypted. Undefined: it is of another stream, or cannot be read without a key. */
export interface Reading {
  /** Throws ProtocolError. */
  announce(sealed: Uint8Array, fresh: Fresh): Promise<Announce | undefined>;
  /** Throws ProtocolError. */
  entry(sealed: Uint8Array): Promise<Entry | undefined>;
}

export function openReading({ stream, keys, on }: ReadingOptions): Reading {
  let told = false;
  const locked = (key: "missing" | "wrong") => {
    if (!told) on({ type: "locked", key });
    told = true;
    return undefined;
  };
  const ours = <T extends { readonly stream: Uint8Array }>(message: T) =>
    equalBytes(message.stream, stream) ? message : undefined;

  async function inTheOpen(sealed: Uint8Array, fresh: Fresh): Promise<Announce | undefined> {
    const message = ours(await openAnnounce(sealed, fresh));
    // A link with a key is of a private stream: what says in the open that it is that one is not taken for it.
    return message === undefined || keys === undefined ? message : locked("wrong");
  }

  async function encrypted(sealed: Uint8Array, fresh: Fresh): Promise<Announce | undefined> {
    // Others are on the same topic: whose it is comes before what it costs to open it.
    if (ours(PrivateAnnounce.decode(Envelope.payloadOf(sealed))) === undefined) return undefined;
    if (keys === undefined) {
      await readPrivateAnnounce(sealed); // nobody else can say that it is private
      return locked("missing");
    }
    try {
      return await openPrivateAnnounce(sealed, await keys, fresh);
    } catch (error) {
      if (error instanceof ProtocolError && error.code === "PROTOCOL_ENCRYPTED") locked("wrong");
      throw error;
    }
  }

  return {
    announce: (sealed, fresh) =>
      kindOf(sealed) === "privateannounce" ? encrypted(sealed, fresh) : inTheOpen(sealed, fresh),
    async entry(sealed) {
      const hidden = kindOf(sealed) === "privateentry";
      if (hidden !== (keys !== undefined)) return undefined;
      return ours(
        await (keys === undefined ? openEntry(sealed) : openPrivateEntry(sealed, await keys)),
      );
    },
  };
}
