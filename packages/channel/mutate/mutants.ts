/** What may be wrong in a source of TypeScript: every mutant of it, and one source that holds them all. Knows no name in it. */
import { parseSync } from "vite";
import {
  ARITHMETIC,
  ASSIGNMENTS,
  COMPARISONS,
  type Edit,
  edited,
  LOGICAL,
} from "../../contracts/script/mutate/edits.ts";

/** A node of the syntax tree, as ESTree has it. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export type Kind = "comparison" | "arithmetic" | "negation" | "constant";

export interface Mutant {
  /** One in all the sources of a run. */
  readonly id: number;
  readonly kind: Kind;
  readonly file: string;
  readonly line: number;
  /** The function it is in; empty outside of any. */
  readonly inside: string;
  readonly from: string;
  readonly to: string;
}

const EQUALITIES: Readonly<Record<string, readonly string[]>> = {
  ...COMPARISONS,
  "===": ["!=="],
  "!==": ["==="],
};
/** The function of a mutated source that says whether a mutant is the chosen one. */
const CHOSEN = "isChosenMutant";
/** Characters of what is shown around a constant at most. */
const MOST_SHOWN = 80;
/** Constants above this are doubled, for nobody would notice one more. */
const SMALL = 10n;
/** Another constant: a 1 becomes nothing, other small ones are one more. */
const otherThan = (number: bigint) =>
  number === 1n ? 0n : number <= SMALL ? number + 1n : number * 2n;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && "start" in value;
const childrenOf = (node: Node): (readonly [field: string, child: Node])[] =>
  Object.entries(node).flatMap(([field, value]) =>
    (Array.isArray(value) ? value : [value]).filter(isNode).map((child) => [field, child] as const),
  );
const isText = ({ type, value }: Node) =>
  type === "TemplateLiteral" || (type === "Literal" && typeof value === "string");

/** As one line, without the names of types, which say nothing of what runs. */
const plain = (code: string) =>
  code.replaceAll(/\s+/g, " ").replaceAll(/ as (?!const\b)[A-Za-z]\w*/g, "");

export interface MutantsOptions {
  readonly file: string;
  /** The least id. */
  readonly first: number;
  /** The only functions that are spoilt; undefined: all, and what is outside of any. */
  readonly functions?: readonly string[] | undefined;
}

/** Finds all mutants of one source. Throws SyntaxError for what is no TypeScript. */
export function mutantsOf(
  source: string,
  { file, first, functions }: MutantsOptions,
): { mutants: Mutant[]; schema: string } {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0]?.message}`);
  const mutants: Mutant[] = [];
  const edits: Edit[] = [];
  let inside = "";

  const text = ({ start, end }: Node) => source.slice(start, end);
  const add = (kind: Kind, node: Node, to: string): number => {
    const line = source.slice(0, node.start).split("\n").length;
    const id = first + mutants.length;
    mutants.push({ id, kind, file, line, inside, from: plain(text(node)), to: plain(to) });
    return id;
  };
  /** An expression that is one of several others, each by its mutant. */
  const replace = (node: Node, kind: Kind, others: readonly string[]) => {
    if (functions && !functions.includes(inside)) return;
    const choices = others.map((to) => `${CHOSEN}(${add(kind, node, to)}) ? (${to}) : `).join("");
    edits.push({ start: node.start, end: node.end, wrap: (inner) => `(${choices}(${inner}))` });
  };

  const even = new Set<unknown>();

  const operation = (node: Node, { left, right, operator }: Node) => {
    if (!isNode(left) || !isNode(right)) return;
    const to = (other: string) => `${text(left)} ${other} ${text(right)}`;
    const [whole, arithmetic] = [EQUALITIES[`${operator}`], ARITHMETIC[`${operator}`]];
    // The first of them is the same but where both sides are.
    const comparisons = even.has(node) && whole?.length === 3 ? whole.slice(1) : whole;
    const [logical, assigned] = [LOGICAL[`${operator}`], ASSIGNMENTS[`${operator}`]];
    if (comparisons) replace(node, "comparison", comparisons.map(to));
    if (arithmetic && !isText(left) && !isText(right))
      replace(node, "arithmetic", [to(arithmetic)]);
    if (logical) replace(node, "negation", [`(${text(left)}) ${logical} (${text(right)})`]);
    if (assigned) replace(node, "arithmetic", [to(assigned)]);
  };
  const step = (node: Node) => {
    const other = node.operator === "++" ? "--" : "++";
    const argument = isNode(node.argument) ? text(node.argument) : "";
    replace(node, "arithmetic", [node.prefix ? `${other}${argument}` : `${argument}${other}`]);
  };
  /** A constant, shown with what it stands in, since a number alone says little. */
  const literal = (node: Node, around: readonly Node[]) => {
    const { value } = node;
    if (typeof value === "boolean") replace(node, "negation", [String(!value)]);
    if (typeof value !== "bigint" && !Number.isInteger(value)) return;
    const other = otherThan(BigInt(value as bigint | number));
    const to = typeof value === "bigint" ? `${other}n` : `${other}`;
    const before = mutants.length;
    replace(node, "constant", [to]);
    const outer = around.findLast(({ type }) => !/^(TS\w+|Parenthesized)Expression$/.test(type));
    const mutant = mutants[before];
    if (!mutant || !outer || outer.end - outer.start > MOST_SHOWN) return;
    const instead = source.slice(outer.start, node.start) + to + source.slice(node.end, outer.end);
    mutants[before] = { ...mutant, from: plain(text(outer)), to: plain(instead) };
  };
  /** A condition that is no comparison, which has its opposite among its own mutants. */
  const condition = (node: unknown) => {
    if (!isNode(node) || (node.type === "BinaryExpression" && EQUALITIES[`${node.operator}`]))
      return;
    if (node.type === "UnaryExpression" && node.operator === "!") return;
    replace(node, "negation", [`!(${text(node)})`]);
  };

  const visit = (node: Node, around: readonly Node[]): void => {
    // Types mean nothing at run time, and the text of a message is nobody's decision.
    if (/^TS(?!AsExpression|SatisfiesExpression|NonNullExpression)/.test(node.type)) return;
    if (node.type === "TemplateLiteral" || node.type === "ImportDeclaration") return;
    if (isEven(node, text)) even.add(node.test);
    const outside = inside;
    inside = nameOf(node) ?? inside;
    if (node.type === "BinaryExpression" || node.type === "LogicalExpression")
      operation(node, node);
    if (node.type === "AssignmentExpression") operation(node, node);
    if (node.type === "UpdateExpression") step(node);
    if (node.type === "Literal") literal(node, around);
    if (node.type === "UnaryExpression" && node.operator === "!" && isNode(node.argument))
      replace(node, "negation", [text(node.argument)]);
    // The `test` of a case is a value, and no condition.
    if ("test" in node && node.type !== "SwitchCase") condition(node.test);
    for (const [field, child] of childrenOf(node))
      if (!(field === "key" && child.type === "Literal")) visit(child, [...around, node]);
    inside = outside;
  };
  visit(program as unknown as Node, []);
  const chosen = `const ${CHOSEN} = globalThis.${CHOSEN} ?? (() => false);`;
  return { mutants, schema: chosen + edited(source, edits) };
}

/**
 * True of a choice between two values which are the same where its condition's sides are: `a > b ? a - b : 0`, `a < b ? a : b`.
 * There `>=` is `>`.
 */
function isEven({ type, test, consequent, alternate }: Node, text: (node: Node) => string) {
  if (type !== "ConditionalExpression" || !isNode(test)) return false;
  const places = [test.left, test.right, consequent, alternate].filter(isNode);
  if (places.length < 4) return false;
  const [a, b, yes, no] = places.map((place) => plain(text(place)));
  const difference = yes === `${a} - ${b}` && /^0n?$/.test(`${no}`);
  return difference || (yes === a && no === b) || (yes === b && no === a);
}

/** The name of a function of the source's own: an arrow within one is part of it. */
function nameOf({ type, id, key, init }: Node): string | undefined {
  const named = (node: unknown) => (isNode(node) && typeof node.name === "string" ? node.name : "");
  if (type === "FunctionDeclaration") return named(id);
  if (type === "MethodDefinition") return named(key);
  const holds = isNode(init) && init.type === "ArrowFunctionExpression";
  return type === "VariableDeclarator" && holds ? named(id) : undefined;
}
