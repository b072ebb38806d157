/** A number with so many decimals. What rounds to nothing has no sign: "0.00", never "-0.00". */
export function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
}

/** A share as people read it: 0.0425 is "4.25 %". */
export function percent(share: number, digits = 2): string {
  return `${fixed(100 * share, digits)} %`;
}

/** A difference, with its sign: "+0.012", "-3"; "0" has none. */
export function signed(value: number, digits: number): string {
  const text = fixed(value, digits);
  return Number(text) > 0 ? `+${text}` : text;
}
