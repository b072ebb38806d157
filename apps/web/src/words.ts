import { CodedError, describe, toError } from "@tabcast/runtime";

/** A failure for people: what happened, and what they can do. */
export interface Words {
  readonly title: string;
  readonly advice: string;
}

const byCode: Record<string, Words> = {
  CHAIN_UNREACHABLE: {
    title: "The chain does not answer",
    advice: "Nothing was sent. Check the connection and try again.",
  },
  CHAIN_WRONG_ID: {
    title: "The wallet is on another network",
    advice: "Switch the wallet to the network named on this page, then try again.",
  },
  CHAIN_NO_CONTRACT: {
    title: "There is no pot contract at the configured address",
    advice: "Whoever runs this page has to correct its configuration.",
  },
  CHAIN_INSUFFICIENT: {
    title: "Not enough money in the wallet",
    advice: "The deposit and its fee must both be covered. Choose a smaller deposit or add money.",
  },
  CHAIN_REJECTED: {
    title: "You declined in the wallet",
    advice: "Nothing was sent. You can try again whenever you like.",
  },
  CHAIN_UNCONFIRMED: {
    title: "The transaction was sent but is not in a block yet",
    advice: "It may still arrive. Wait a little before you try again, or you may pay twice.",
  },
};

/** Names of DOMExceptions, in the words of what one was trying to open. */
const byName: Record<string, (thing: string) => Words> = {
  NotAllowedError: (thing) =>
    thing === "screen"
      ? {
          title: "Nothing was shared",
          advice: "Choose a screen, window or tab in the browser's own dialog, then press Share.",
        }
      : {
          title: `Permission for the ${thing} was refused`,
          advice: `Allow the ${thing} in the browser's address bar, then choose it again.`,
        },
  NotFoundError: (thing) => ({
    title: `No ${thing} was found on this device`,
    advice: "Plug one in, or choose another source.",
  }),
  NotReadableError: (thing) => ({
    title: `The ${thing} is in use or does not respond`,
    advice: "Close the program that uses it, then choose it again.",
  }),
  OverconstrainedError: (thing) => ({
    title: `That ${thing} is not there any more`,
    advice: "Plug it in again, or choose another one.",
  }),
  AbortError: (thing) => ({
    title: `Opening the ${thing} was cancelled`,
    advice: "Choose a source again.",
  }),
};

/** Walks from an error to its deepest cause. */
function* chain(thrown: unknown): Generator<Error> {
  for (let error: unknown = thrown, depth = 0; error !== undefined && depth < 8; depth++) {
    const one = toError(error);
    yield one;
    error = one.cause;
  }
}

/** What to tell a person about an error; `thing` is what they were opening: "camera", "file". */
export function words(thrown: unknown, thing = "source"): Words {
  for (const error of chain(thrown)) {
    if (error instanceof CodedError && byCode[error.code] !== undefined)
      return byCode[error.code] as Words;
    const known = byName[error.name];
    if (known !== undefined) return known(thing);
    // EIP-1193: 4001 is the person's no, 4902 a network that the wallet does not know.
    const code = (error as { code?: unknown }).code;
    if (code === 4001) return byCode.CHAIN_REJECTED as Words;
    if (code === 4902) return byCode.CHAIN_WRONG_ID as Words;
  }
  return { title: `The ${thing} cannot be used`, advice: describe(thrown) };
}
