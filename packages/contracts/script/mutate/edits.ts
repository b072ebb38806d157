/** What spoiling a Solidity and a TypeScript source have in common: what an operator may become, and a text with all its edits. */

export const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">", ">="],
  "<=": ["<", ">", ">="],
  ">": [">=", "<", "<="],
  ">=": [">", "<", "<="],
};
export const ARITHMETIC: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
};
export const LOGICAL: Readonly<Record<string, string>> = { "&&": "||", "||": "&&" };
export const ASSIGNMENTS: Readonly<Record<string, string>> = {
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "/=": "*=",
};

/** A place in the source, and how its text becomes one that chooses among mutants at run time. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  /** Given the place's own text, whose inner places are edited already. */
  readonly wrap: (inner: string) => string;
}

/** The source with all its edits; of those that begin and end together the first is outermost. */
export function edited(source: string, edits: readonly Edit[]): string {
  const sorted = edits
    .map((edit, order) => ({ ...edit, order }))
    .sort((a, b) => a.start - b.start || b.end - a.end || a.order - b.order);
  let next = 0;
  const render = (start: number, end: number): string => {
    let text = "";
    let at = start;
    for (let edit = sorted[next]; edit && edit.end <= end; edit = sorted[next]) {
      next++;
      text += source.slice(at, edit.start) + edit.wrap(render(edit.start, edit.end));
      at = edit.end;
    }
    return text + source.slice(at, end);
  };
  return render(0, source.length);
}
