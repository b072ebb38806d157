import { CodedError } from "@tabcast/runtime";

/** A setting is not of the right shape or out of its bounds. The message names it, what was expected and what came. Do: correct it as the message says. */
export class SettingsError extends CodedError<{ code: "SETTINGS_BAD"; field: string }> {}

/** Most characters of settings as JSON; more is refused before it is read. */
export const MOST_TEXT = 65_536;

/** Refuses a setting. */
export function bad(field: string, expected: string, got: unknown): never {
  throw new SettingsError(
    { code: "SETTINGS_BAD", field },
    `${field} must be ${expected}, got ${show(got)}`,
  );
}

/** A value as a person reads it in an error: at most 60 characters. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "bigint" ? `${value}` : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

/** The value as an object with no other fields than these. Throws SETTINGS_BAD. */
export function record<Name extends string>(
  field: string,
  value: unknown,
  names: readonly Name[],
): { readonly [name in Name]?: unknown } {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    bad(field, "an object", value);
  for (const name of Object.keys(value))
    if (!(names as readonly string[]).includes(name))
      bad(field, `an object with no other fields than ${names.join(", ")}`, name);
  return value as { readonly [name in Name]?: unknown };
}

/** A whole number from `least` to `most`. Throws SETTINGS_BAD. */
export function whole(field: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
    bad(field, `a whole number from ${least} to ${most}`, value);
  return value;
}

/** True or false. Throws SETTINGS_BAD. */
export function flag(field: string, value: unknown): boolean {
  if (typeof value !== "boolean") bad(field, "true or false", value);
  return value;
}

/** One of these. Throws SETTINGS_BAD. */
export function oneOf<T extends string>(field: string, value: unknown, choices: readonly T[]): T {
  return choices.find((one) => one === value) ?? bad(field, choices.join(" or "), value);
}

/** A list of at most `most`, each read by `read`; what comes twice is kept once. Throws SETTINGS_BAD. */
export function list<T>(
  field: string,
  value: unknown,
  most: number,
  read: (field: string, value: unknown) => T,
): readonly T[] {
  if (!Array.isArray(value)) bad(field, "a list", value);
  if (value.length > most) bad(field, `a list of at most ${most}`, `a list of ${value.length}`);
  return [...new Set(value.map((one) => read(field, one)))];
}

/** Reads a text that has a pattern, given in words for the error. Throws SETTINGS_BAD. */
export const matching =
  (pattern: RegExp, expected: string, tidy = (text: string) => text) =>
  (field: string, value: unknown): string => {
    if (typeof value !== "string" || !pattern.test(value)) bad(field, expected, value);
    return tidy(value);
  };
