/** One description of a value gives both: a parser that names what is wrong, and its JSON Schema. */
import { CodedError } from "@tabcast/runtime";

/** A scenario that says something it cannot. `path` is where, such as "workers[1].speed.median". */
export class ScenarioError extends CodedError<
  /** A field has the wrong type or is out of its bounds. Do: correct it as the message says. */
  | { code: "SCENARIO_FIELD"; path: string }
  /** A field that scenarios do not have. Do: see npm run simulate -- --schema. */
  | { code: "SCENARIO_UNKNOWN"; path: string }
  /** The file is no JSON. Do: correct it. */
  | { code: "SCENARIO_JSON"; path: string }
> {}

/** What a value must look like. `parse` fills in defaults; it throws SCENARIO_FIELD or SCENARIO_UNKNOWN. */
export interface Shape<T> {
  readonly schema: Readonly<Record<string, unknown>>;
  parse(value: unknown, path: string): T;
}

interface Optional<T> {
  readonly shape: Shape<T>;
  readonly otherwise: T;
}

export type Of<S> = S extends Shape<infer T> ? T : never;

function wrong(path: string, expected: string, value: unknown): never {
  const got = value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value));
  throw new ScenarioError(
    { code: "SCENARIO_FIELD", path },
    `${path || "the scenario"} must be ${expected}, got ${got.slice(0, 80)}`,
  );
}

/** A finite number within bounds, both included. */
export function number(least: number, most: number): Shape<number> {
  return {
    schema: { type: "number", minimum: least, maximum: most },
    parse: (value, path) =>
      typeof value === "number" && value >= least && value <= most
        ? value
        : wrong(path, `a number from ${least} to ${most}`, value),
  };
}

/** A whole number within bounds, both included. */
export function whole(least: number, most: number): Shape<number> {
  return {
    schema: { type: "integer", minimum: least, maximum: most },
    parse: (value, path) =>
      Number.isInteger(value) && (value as number) >= least && (value as number) <= most
        ? (value as number)
        : wrong(path, `a whole number from ${least} to ${most}`, value),
  };
}

/** Text that a pattern fits. */
export function text(pattern: RegExp, what: string): Shape<string> {
  return {
    schema: { type: "string", pattern: pattern.source },
    parse: (value, path) =>
      typeof value === "string" && pattern.test(value) ? value : wrong(path, what, value),
  };
}

/** One of a few words. */
export function word<const T extends readonly string[]>(...words: T): Shape<T[number]> {
  return {
    schema: { enum: words },
    parse: (value, path) =>
      typeof value === "string" && words.includes(value)
        ? value
        : wrong(path, `one of ${words.join(", ")}`, value),
  };
}

/** A list of at most `most`. */
export function list<T>(of: Shape<T>, least: number, most: number): Shape<readonly T[]> {
  return {
    schema: { type: "array", items: of.schema, minItems: least, maxItems: most },
    parse: (value, path) =>
      Array.isArray(value) && value.length >= least && value.length <= most
        ? value.map((item, i) => of.parse(item, `${path}[${i}]`))
        : wrong(path, `a list of ${least} to ${most}`, value),
  };
}

/** A lower and an upper bound. */
export function range(of: Shape<number>): Shape<readonly [number, number]> {
  const both = list(of, 2, 2);
  return {
    schema: both.schema,
    parse(value, path) {
      const [low, high] = both.parse(value, path) as [number, number];
      return low <= high ? [low, high] : wrong(path, "a lower and an upper bound", value);
    },
  };
}

/** A field that may be left out. */
export const optional = <T>(shape: Shape<T>, otherwise: NoInfer<T>): Optional<T> => ({
  shape,
  otherwise,
});
/** A field that may be left out, and is undefined then. */
export const maybe = <T>(shape: Shape<T>): Optional<T | undefined> => ({
  shape: shape as Shape<T | undefined>,
  otherwise: undefined,
});

type Fields<T> = { readonly [K in keyof T]-?: Shape<T[K]> | Optional<T[K]> };

/** A record of these fields and no others. */
export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const entries = Object.entries(fields) as [string, Shape<unknown> | Optional<unknown>][];
  const known = new Set(entries.map(([name]) => name));
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(
        entries.map(([name, field]) => [
          name,
          "shape" in field
            ? {
                ...field.shape.schema,
                ...(field.otherwise !== undefined && { default: field.otherwise }),
              }
            : field.schema,
        ]),
      ),
      required: entries.filter(([, field]) => !("shape" in field)).map(([name]) => name),
      additionalProperties: false,
    },
    parse(value, path) {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        return wrong(path, "an object", value);
      const at = (name: string) => (path === "" ? name : `${path}.${name}`);
      for (const name of Object.keys(value))
        if (!known.has(name))
          throw new ScenarioError(
            { code: "SCENARIO_UNKNOWN", path: at(name) },
            `${at(name)} is not known; there are ${[...known].join(", ")}`,
          );
      const given = value as Record<string, unknown>;
      return Object.fromEntries(
        entries.flatMap(([name, field]) => {
          if (!("shape" in field)) return [[name, field.parse(given[name], at(name))]];
          if (Object.hasOwn(given, name)) return [[name, field.shape.parse(given[name], at(name))]];
          return field.otherwise === undefined ? [] : [[name, field.otherwise]];
        }),
      ) as T;
    },
  };
}

/** One of several records, told apart by the word in one field. */
export function oneOf<T>(tag: string, cases: Readonly<Record<string, Shape<T>>>): Shape<T> {
  const words = Object.keys(cases);
  return {
    schema: { oneOf: words.map((name) => cases[name]?.schema) },
    parse(value, path) {
      const name = (value as Record<string, unknown> | null | undefined)?.[tag];
      const found =
        typeof name === "string" && Object.hasOwn(cases, name) ? cases[name] : undefined;
      return found === undefined
        ? wrong(`${path}.${tag}`, `one of ${words.join(", ")}`, name)
        : found.parse(value, path);
    },
  };
}

/** One of two shapes that JSON's types tell apart: text, or something else. */
export function textOr<T>(words: Shape<string>, other: Shape<T>): Shape<string | T> {
  return {
    schema: { anyOf: [words.schema, other.schema] },
    parse: (value, path) =>
      typeof value === "string" ? words.parse(value, path) : other.parse(value, path),
  };
}
