/** The smaller of two whole numbers; Math.min takes no bigint. */
export function least<T extends bigint>(a: T, b: T): T {
  if (a < b) return a;
  return b;
}

/** The larger of two whole numbers. */
export function most<T extends bigint>(a: T, b: T): T {
  if (a > b) return a;
  return b;
}
