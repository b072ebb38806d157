/** What went wrong: a code to branch on, plus the values that belong to it. */
export interface Reason {
  readonly code: string;
}

/** The base of every error Tabcast throws on purpose. `message` has the real numbers; `cause` is kept. */
export class CodedError<R extends Reason = Reason> extends Error {
  readonly reason: R;

  constructor(reason: R, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.reason = reason;
  }

  /** The reason's code, for callers that know only the base class. */
  get code(): R["code"] {
    return this.reason.code;
  }
}

/** Anything thrown, as an Error. Strings and DOM events become one with a readable message. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  if (typeof thrown === "object" && thrown !== null && "error" in thrown)
    return toError(thrown.error);
  return new Error(typeof thrown === "string" ? thrown : `unknown failure: ${String(thrown)}`);
}

/** One line for a person: the message and those of its causes, down to the deepest; what was just said is not said again. */
export function describe(thrown: unknown): string {
  let said = "";
  const told = new Set<Error>();
  for (let next: unknown = thrown; ; ) {
    const error = toError(next);
    if (told.has(error)) return said;
    told.add(error);
    // Many a message quotes its cause already, and only a capital may differ.
    if (told.size === 1) said = error.message;
    else if (!said.toLowerCase().endsWith(error.message.toLowerCase()))
      said += `: ${error.message}`;
    if (error.cause === undefined) return said;
    next = error.cause;
  }
}
