/** Settings as people type them, in fields of a page and behind flags of a command. */
import type { Availability } from "@tabcast/market";
import { Amount } from "@tabcast/runtime";
import * as Money from "../money.ts";
import { bad } from "./fields.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const ALL = [0, 1, 2, 3, 4, 5, 6] as const;

/** Words between commas, spaces or line breaks. */
export const parseWords = (text: string): readonly string[] =>
  text.split(/[\s,]+/).filter((word) => word !== "");

/**
 * Hours of the week: "22:00-06:00", "Mon-Fri 18:00-23:30, Sat 9:00-24:00", or several days with spaces between them. Empty: always.
 * Throws SETTINGS_BAD.
 */
export function parseHours(text: string): readonly Availability.Span[] {
  return text
    .split(/[,;\n]+/)
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map(span);
}

/** The hours in the form that `parseHours` reads. */
export const hoursText = (hours: readonly Availability.Span[]): string =>
  hours.map(({ days, from, to }) => `${daysText(days)}${time(from)}-${time(to)}`).join(", ");

/** An amount as people type it, such as "0.003" or "$0.003" in a network of dollars, in its smallest parts. Throws SETTINGS_BAD. */
export function parseAmount(field: string, text: string, unit: Money.Unit): Amount {
  const read = Money.parse(text, unit);
  if (read !== undefined) return Amount.of(read.value);
  return bad(
    field,
    `an amount in ${Money.name(unit)} above 0 with at most ${unit.decimals} places, such as 0.${"1".padStart(Math.min(unit.decimals, 6), "0")}`,
    text,
  );
}

function span(text: string): Availability.Span {
  const expected = 'hours such as "22:00-06:00" or "Mon-Fri 18:00-23:00"';
  const match = /^([A-Za-z\s-]*?)\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(text);
  if (match === null) bad("hours", expected, text);
  const [, names = "", ...digits] = match;
  const [fromH = 0, fromM = 0, toH = 0, toM = 0] = digits.map(Number);
  const [from, to] = [fromH * 60 + fromM, toH * 60 + toM];
  if (fromM > 59 || toM > 59 || from > 1_440 || to > 1_440)
    bad("hours", "times from 0:00 to 24:00", text);
  if (from === to) bad("hours", "hours that end at another time than they begin", text);
  const days = names === "" ? ALL : names.split(/\s+/).flatMap((name) => daysOf(name, text));
  return { days: [...new Set(days)].sort(), from, to };
}

/** One day, or the days from one to another, over the end of the week too. */
function daysOf(name: string, text: string): readonly number[] {
  const [first = -1, last = first, ...more] = name
    .split("-")
    .map((day) => DAYS.findIndex((one) => one.toLowerCase() === day.slice(0, 3).toLowerCase()));
  if (first < 0 || last < 0 || more.length > 0)
    bad("hours", `days such as Mon, Sat or Mon-Fri`, text);
  return ALL.slice(0, ((last - first + 7) % 7) + 1).map((day) => (first + day) % 7);
}

/** "Mon-Fri ", "Mon Wed ", or nothing for all days. */
function daysText(days: readonly number[]): string {
  if (days.length === 7) return "";
  const [first] = days.filter((day) => !days.includes((day + 6) % 7));
  const inRow = ALL.map((day) => ((first ?? 0) + day) % 7).slice(0, days.length);
  if (days.length > 2 && inRow.every((day) => days.includes(day)))
    return `${DAYS[inRow[0] as number]}-${DAYS[inRow.at(-1) as number]} `;
  return `${[...days]
    .sort()
    .map((day) => DAYS[day])
    .join(" ")} `;
}

function time(minutes: number): string {
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}
