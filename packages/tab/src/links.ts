/** The links to streams. A private stream's key stands after "#": browsers keep that to themselves, and send it to no server. */
import type { CrewLink } from "@tabcast/node/types";
import { parseKey } from "@tabcast/protocol";
import { CodedError } from "@tabcast/runtime";

/** A text is no crew link; the message says what is wrong with it, and repeats nothing of it. Do: as the message says. */
export class LinkError extends CodedError<{ code: "LINK_BAD" }> {}

const bad = (message: string) => new LinkError({ code: "LINK_BAD" }, message);

/** Where a stream is watched. `key`: a private stream's, for viewers. */
export const watchLink = (origin: string, stream: string, key?: string): string =>
  `${origin}/watch/${stream}${key === undefined ? "" : `#${key}`}`;

/** Where a tab works for a private stream. */
export const crewLink = (origin: string, { stream, key }: CrewLink): string =>
  `${origin}/earn/${stream}#${key}`;

/** What a crew link says, of whatever server. Throws LINK_BAD. */
export function parseCrewLink(text: string): CrewLink {
  const [, page = "", stream = "", key] =
    /\/(watch|earn)\/([^/#?\s]*)(?:#(\S*))?$/.exec(text.trim()) ?? [];
  if (page === "")
    throw bad(
      "This is no crew link: that is an address with /earn/ in it, a stream's id, # and a key.",
    );
  if (page === "watch")
    throw bad(
      "This link is for viewers. Ask the broadcaster for the crew link, which has /earn/ in it.",
    );
  if (!/^[0-9a-f]{64}$/i.test(stream))
    throw bad(
      `This link does not name a whole stream: its id has 64 digits, here there are ${stream.length}.`,
    );
  if (key === undefined || key === "")
    throw bad(
      "This link ends before its key. Copy it whole, with # and what follows: some programs cut links there.",
    );
  try {
    parseKey(key);
  } catch {
    throw bad(
      /^[\w-]{43}$/.test(key)
        ? "The key in this link is none: a character of it was changed on its way. Copy the whole link again."
        : `The key in this link is not whole: it has 43 characters, here there are ${key.length}, or others.`,
    );
  }
  return { stream: stream.toLowerCase(), key };
}
