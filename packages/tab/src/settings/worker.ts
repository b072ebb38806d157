import type { Address } from "@tabcast/channel";
import { type Availability, Price } from "@tabcast/market";
import type { CurrencyConfig } from "@tabcast/node/config";
import { Amount } from "@tabcast/runtime";
import { sameToken, usualPrice } from "./currency.ts";
import { MOST_JOBS, workerDefaults } from "./defaults.ts";
import { bad, flag, list, MOST_TEXT, oneOf, record, whole } from "./fields.ts";
import { address, broadcaster, crewToken, tag } from "./names.ts";

/** What its owner wants of a worker. One type for the page, the command, headless tabs and the store. */
export interface WorkerSettings {
  /** What `price` and `softCap` are in: the token's address; missing: the chain's coin. In a network that pays in another they do not count. */
  readonly token?: Address;
  /** Asked per output gigapixel, in the smallest parts of what is paid in. Default: what a millionth of the chain's coin is worth; 1 to 10^18. */
  readonly price: Amount;
  /** Where payments go. Default: this tab's own wallet. */
  readonly payee?: Address;
  /**
   * How much may be owed without a guarantee, in parts of what is paid in, and by each stream: work goes on up to there. Default: the pay of five
   * segments, and no less than twenty claims cost. 0 to 10^24.
   */
  readonly softCap?: Amount;
  /** What a watchtower may keep of what it claims for us late, in whole percent. Default 5; 0 to 20. Counts for lanes that are opened from then on. */
  readonly watchtowerShare?: number;
  readonly limits: Limits;
  /** Only in these hours of the local day; always, if empty. At most 28 spans. */
  readonly hours: readonly Availability.Span[];
  /** What it says it can do, beyond codecs. At most 16. */
  readonly tags: readonly string[];
  /** Works for these alone, unless it is empty: stream ids in lower case, or broadcasters' peer ids. At most 256. */
  readonly allow: readonly string[];
  /** Never works for these. Counts before `allow`. At most 256. */
  readonly deny: readonly string[];
  /** Tokens of private crews that it belongs to, 16 to 128 characters each. At most 16. */
  readonly crews: readonly string[];
  /** paused: takes nothing, as draining, until its owner resumes. draining: finishes what it has before it is switched off. */
  readonly state: (typeof STATES)[number];
}

export interface Limits {
  /** Jobs at once, 1 to 4. Default 4. */
  readonly jobs: number;
  /** Rests while the device runs on its battery, or its browser does not say. Default false. */
  readonly onlyWhenCharging: boolean;
}

const STATES = ["working", "paused", "draining"] as const;
const MOST_PRICE = 10n ** 18n;
const MOST_SOFT_CAP = 10n ** 24n;
/** Source: `MOST` of channel's share.ts. */
const MOST_SHARE = 20;
const MOST_SPANS = 28;
const MOST_TAGS = 16;
const MOST_NAMES = 256;
const MOST_CREWS = 16;

const FIELDS = [
  "token",
  "price",
  "payee",
  "softCap",
  "watchtowerShare",
  "limits",
  "hours",
  "tags",
  "allow",
  "deny",
  "crews",
  "state",
] as const;

/**
 * Reads settings from anything, such as parsed JSON, for a network that pays in `currency`; what is missing, and what is in another
 * currency, has its default. Throws SETTINGS_BAD naming the field.
 */
export function parseWorkerSettings(value: unknown, currency?: CurrencyConfig): WorkerSettings {
  const given = record("worker settings", value, FIELDS);
  const { watchtowerShare } = given;
  const { token, price, payee, softCap, limits, hours, tags, allow, deny, crews, state } = given;
  const or = <T>(one: unknown, otherwise: T, read: (one: unknown) => T) =>
    one === undefined ? otherwise : read(one);
  const read: WorkerSettings = {
    ...(token !== undefined && { token: address("token", token) as Address }),
    price: or(price, usualPrice(currency), readPrice),
    ...(payee !== undefined && { payee: address("payee", payee) as Address }),
    ...(softCap !== undefined && {
      softCap: readAmount("softCap", "a whole number", softCap, [0n, MOST_SOFT_CAP]),
    }),
    ...(watchtowerShare !== undefined && {
      watchtowerShare: whole("watchtowerShare", watchtowerShare, 0, MOST_SHARE),
    }),
    limits: or(limits, workerDefaults.limits, readLimits),
    hours: or(hours, [], (one) => list("hours", one, MOST_SPANS, readSpan)),
    tags: or(tags, [], (one) => list("tags", one, MOST_TAGS, tag)),
    allow: or(allow, [], (one) => list("allow", one, MOST_NAMES, broadcaster)),
    deny: or(deny, [], (one) => list("deny", one, MOST_NAMES, broadcaster)),
    crews: or(crews, [], (one) => list("crews", one, MOST_CREWS, crewToken)),
    state: or(state, "working", (one) => oneOf("state", one, STATES)),
  };
  // Where nothing is asked, there is nothing that another currency could be meant by.
  return settingsIn(
    price === undefined && softCap === undefined ? inToken(read, currency) : read,
    currency,
  );
}

/** The settings for a network that pays in `currency`: a price and a cap in another are replaced by their defaults. */
export function settingsIn(settings: WorkerSettings, currency?: CurrencyConfig): WorkerSettings {
  if (sameToken(settings.token, currency?.token)) return settings;
  const { softCap: _, ...rest } = settings;
  return { ...inToken(rest, currency), price: usualPrice(currency) };
}

function inToken({ token: _, ...settings }: WorkerSettings, currency?: CurrencyConfig) {
  return { ...settings, ...(currency && { token: currency.token }) };
}

/** True for stored settings whose price or cap does not count in a network that pays in `currency`. */
export function forAnotherCurrency(value: unknown, currency?: CurrencyConfig): boolean {
  const { token, price, softCap } = record("worker settings", value, FIELDS);
  if (price === undefined && softCap === undefined) return false;
  return !sameToken(token === undefined ? undefined : String(token), currency?.token);
}

/** The settings of a JSON text of at most 64 Ki characters, as `parseWorkerSettings` reads them. Throws SETTINGS_BAD. */
export function workerSettingsOf(text: string, currency?: CurrencyConfig): WorkerSettings {
  if (text.length > MOST_TEXT)
    bad("worker settings", `at most ${MOST_TEXT} characters`, `${text.length} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    bad("worker settings", "JSON", text);
  }
  return parseWorkerSettings(value, currency);
}

/** Settings as JSON can hold them; `parseWorkerSettings` reads it back to the same. */
export type WorkerSettingsJson = Omit<WorkerSettings, "price" | "softCap"> & {
  /** Decimal, in smallest parts. */
  readonly price: string;
  /** Decimal, in smallest parts. */
  readonly softCap?: string;
};

export function workerSettingsJson({ softCap, ...settings }: WorkerSettings): WorkerSettingsJson {
  return {
    ...settings,
    price: `${settings.price}`,
    ...(softCap !== undefined && { softCap: `${softCap}` }),
  };
}

/** Output pixels of a segment, two seconds of a 1080p source's ladder: what the default of the soft cap counts with. */
const SEGMENT_PIXELS = 400_000_000n;

/** What the purse of a worker with these settings is opened with. */
export const purseOptionsOf = ({
  price,
  softCap,
  watchtowerShare,
}: Pick<WorkerSettings, "price" | "softCap" | "watchtowerShare">): {
  readonly segmentPay: Amount;
  readonly softCap?: Amount;
  readonly watchtowerShare?: number;
} => ({
  segmentPay: Price.ofPixels(price, SEGMENT_PIXELS),
  ...(softCap !== undefined && { softCap }),
  ...(watchtowerShare !== undefined && { watchtowerShare }),
});

/** When, how much and for whom the worker works, as `market` decides it. */
export function policyOf({
  limits,
  hours,
  allow,
  deny,
  state,
}: WorkerSettings): Availability.Policy {
  return {
    slots: limits.jobs,
    paused: state === "paused",
    drain: state === "draining",
    hours,
    onlyWhenCharging: limits.onlyWhenCharging,
    // No browser says without a permission of its own whether its owner is away.
    onlyWhenIdle: false,
    allow,
    deny,
  };
}

const readPrice = (value: unknown): Amount =>
  readAmount("price", "a whole number per output gigapixel", value, [1n, MOST_PRICE]);

function readAmount(
  field: string,
  unit: string,
  value: unknown,
  [least, most]: readonly [bigint, bigint],
): Amount {
  const expected = `${unit}, from ${least} to ${most}`;
  const wei =
    typeof value === "bigint"
      ? value
      : typeof value === "string" && /^\d{1,25}$/.test(value)
        ? BigInt(value)
        : bad(field, expected, value);
  if (wei < least || wei > most) bad(field, expected, value);
  return Amount.of(wei);
}

function readLimits(value: unknown): Limits {
  const given = record("limits", value, ["jobs", "onlyWhenCharging"]);
  return {
    jobs: given.jobs === undefined ? MOST_JOBS : whole("limits.jobs", given.jobs, 1, MOST_JOBS),
    onlyWhenCharging:
      given.onlyWhenCharging !== undefined &&
      flag("limits.onlyWhenCharging", given.onlyWhenCharging),
  };
}

function readSpan(field: string, value: unknown): Availability.Span {
  const { days, from, to } = record(field, value, ["days", "from", "to"]);
  const read = list(`${field}.days`, days, 7, (name, day) => whole(name, day, 0, 6));
  if (read.length === 0) bad(`${field}.days`, "at least one day, 0 (Sunday) to 6", days);
  const span = {
    days: read,
    from: whole(`${field}.from`, from, 0, 1_440),
    to: whole(`${field}.to`, to, 0, 1_440),
  };
  // No minute is in such hours: the worker would rest for ever.
  if (span.from === span.to) bad(`${field}.to`, "another minute than from", to);
  return span;
}
