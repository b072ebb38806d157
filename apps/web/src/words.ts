import { describe, toError } from "@tabcast/runtime";
import { moneyWords, type Words } from "./money-words.ts";
import { inEther, type NetworkMoney } from "./unit.ts";

export type { Words };

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

/** What to tell a person about an error; `thing` is what they were opening: "camera", "file". Amounts are in a network's `money`. */
export function words(thrown: unknown, thing = "source", money: NetworkMoney = inEther): Words {
  const said = moneyWords(thrown, money);
  if (said !== undefined) return said;
  for (const error of chain(thrown)) {
    const known = byName[error.name];
    if (known !== undefined) return known(thing);
  }
  return { title: `The ${thing} cannot be used`, advice: describe(thrown) };
}
