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

/** One line for a person: the message and, if there is one, its deepest cause. */
export function describe(thrown: unknown): string {
  const error = toError(thrown);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
