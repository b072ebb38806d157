/** Mutants that no test can kill, since nobody could see a difference, and why. */
export interface Equivalent {
  readonly file: string;
  readonly inside: string;
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

export const EQUIVALENT: readonly Equivalent[] = [];
