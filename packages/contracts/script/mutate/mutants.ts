/** What may be wrong in a contract: every mutant of its source, and one source that holds them all. */

import { ARITHMETIC, ASSIGNMENTS, COMPARISONS, type Edit, edited, LOGICAL } from "./edits.ts";

/** A node of solc's syntax tree. */
interface Node {
  readonly nodeType: string;
  /** `start:length:file`, in bytes. */
  readonly src: string;
  readonly [field: string]: unknown;
}

export interface Mutant {
  /** From 1. */
  readonly id: number;
  readonly kind: "comparison" | "arithmetic" | "negation" | "deletion";
  readonly line: number;
  /** The function it is in. */
  readonly inside: string;
  readonly from: string;
  readonly to: string;
}

const EQUALITIES: Readonly<Record<string, readonly string[]>> = {
  ...COMPARISONS,
  "==": ["!="],
  "!=": ["=="],
};
const BITWISE: Readonly<Record<string, string>> = {
  ...ARITHMETIC,
  "<<": ">>",
  ">>": "<<",
  "|": "&",
  "&": "|",
  "^": "&",
};
/** The immutable that says which mutant a deployed contract is; 0: none. */
const CHOICE = "MUTANT";

const spanOf = ({ src }: Node): readonly [start: number, end: number] => {
  const [start = 0, length = 0] = src.split(":").map(Number);
  return [start, start + length];
};
const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "nodeType" in value;
const childrenOf = (node: Node): Node[] =>
  Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);

/** Finds all mutants of a contract, of ASCII source, from its syntax tree. */
export function mutantsOf(source: string, unit: unknown): { mutants: Mutant[]; edits: Edit[] } {
  const mutants: Mutant[] = [];
  const edits: Edit[] = [];
  let inside = "";

  const text = (node: Node) => source.slice(...spanOf(node));
  const add = (kind: Mutant["kind"], node: Node, to: string): number => {
    const line = source.slice(0, spanOf(node)[0]).split("\n").length;
    const from = text(node).replaceAll(/\s+/g, " ");
    const id = mutants.length + 1;
    mutants.push({ id, kind, line, inside, from, to: to.replaceAll(/\s+/g, " ") });
    return id;
  };
  const edit = (node: Node, wrap: Edit["wrap"]) => {
    const [start, end] = spanOf(node);
    edits.push({ start, end, wrap });
  };
  /** An expression that is one of several others, each by its mutant. */
  const expression = (node: Node, kind: Mutant["kind"], others: readonly string[]) => {
    const choices = others.map((to) => `${CHOICE} == ${add(kind, node, to)} ? ${to} : `).join("");
    edit(node, (inner) => `(${choices}${inner})`);
  };

  const binary = (node: Node) => {
    const operator = String(node.operator);
    const [left, right] = [node.leftExpression, node.rightExpression];
    if (!isNode(left) || !isNode(right)) return;
    const to = (other: string) => `(${text(left)}) ${other} (${text(right)})`;
    const [logical, other] = [LOGICAL[operator], BITWISE[operator]];
    if (EQUALITIES[operator]) expression(node, "comparison", EQUALITIES[operator].map(to));
    if (other) expression(node, "arithmetic", [to(other)]);
    if (logical) expression(node, "negation", [to(logical)]);
  };
  const unary = (node: Node) => {
    const operand = node.subExpression;
    if (!isNode(operand)) return;
    if (node.operator === "!") expression(node, "negation", [text(operand)]);
    if (node.operator === "++") expression(node, "arithmetic", [`${text(operand)}--`]);
    if (node.operator === "--") expression(node, "arithmetic", [`${text(operand)}++`]);
  };
  /** A condition that is no comparison, which has its opposite among its own mutants. */
  const condition = (node: unknown) => {
    if (!isNode(node) || (node.nodeType === "BinaryOperation" && EQUALITIES[`${node.operator}`]))
      return;
    const id = add("negation", node, `!(${text(node)})`);
    edit(node, (inner) => `((${CHOICE} == ${id}) != (${inner}))`);
  };
  /** A statement that is left out, or that takes what it adds. */
  const statement = (node: Node) => {
    const [start, before] = spanOf(node);
    const end = source[before] === ";" ? before + 1 : before;
    const left = node.expression;
    const other = isNode(left) ? ASSIGNMENTS[`${left.operator}`] : undefined;
    let choices = `if (${CHOICE} == ${add("deletion", node, "")}) {} else `;
    if (isNode(left) && other && isNode(left.leftHandSide) && isNode(left.rightHandSide)) {
      const to = `${text(left.leftHandSide)} ${other} ${text(left.rightHandSide)}`;
      choices += `if (${CHOICE} == ${add("arithmetic", node, to)}) ${to}; else `;
    }
    edits.push({ start, end, wrap: (inner) => `{ ${choices}${inner} }` });
  };

  const visit = (node: Node): void => {
    if (node.nodeType === "FunctionDefinition") {
      inside = node.kind === "constructor" ? "constructor" : String(node.name);
      if (isNode(node.body) && node.kind === "constructor") {
        const at = spanOf(node.body)[0];
        const asked = `${CHOICE} = IMutant(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D).envOr("${CHOICE}", uint256(0));`;
        edits.push({ start: at, end: at + 1, wrap: () => `{ ${asked}` });
      }
    }
    if (node.nodeType === "InlineAssembly" || (node.constant === true && "stateVariable" in node))
      return;
    if (node.nodeType === "ExpressionStatement" || node.nodeType === "EmitStatement")
      statement(node);
    if (node.nodeType === "BinaryOperation") binary(node);
    if (node.nodeType === "UnaryOperation") unary(node);
    if (node.nodeType === "IfStatement" || node.nodeType === "Conditional")
      condition(node.condition);
    const { loopExpression, ...rest } = node;
    // A loop's own step is no statement that could be left out: it would never end.
    if (isNode(loopExpression)) for (const child of childrenOf(loopExpression)) visit(child);
    for (const child of childrenOf(rest as Node)) visit(child);
  };
  const contract = isNode(unit)
    ? childrenOf(unit).find(({ nodeType }) => nodeType === "ContractDefinition")
    : undefined;
  if (!contract) throw new Error("solc gave no syntax tree of a contract");
  visit(contract);
  return { mutants, edits };
}

/** The source with all its edits: one contract that is whichever mutant its immutable names. */
export function schemaOf(source: string, edits: readonly Edit[]): string {
  const declared = `
/// @dev The cheatcode that tells a contract which mutant it is.
interface IMutant {
    function envOr(string calldata name, uint256 otherwise) external view returns (uint256);
}
`;
  return edited(source, edits)
    .replace(
      /^contract [^{]*\{/m,
      (head) => `${declared}\n${head}\n    uint256 private immutable ${CHOICE};\n`,
    )
    .replaceAll(/\bpure\b/g, "view"); // what reads an immutable is not pure
}
