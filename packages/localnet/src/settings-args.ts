import type { CurrencyConfig } from "@tabcast/node/config";
import * as Money from "@tabcast/tab/money";
import {
  type HiringSettings,
  parseAmount,
  parseHiringSettings,
  parseHours,
  parseWords,
  parseWorkerSettings,
  SettingsError,
  type WorkerSettingsJson,
  workerSettingsJson,
} from "@tabcast/tab/settings";

/** What headless workers are set to; what is not given has its default there. Amounts as they are typed, in what the network pays in. */
export type WorkerChange = Partial<WorkerSettingsJson>;
/** Whom the broadcaster hires; what is not given has its default there. */
export type HiringChange = Partial<HiringSettings>;

type Read = (text: string) => unknown;

const words: Read = parseWords;
const number: Read = (text) => (/^\d+$/.test(text) ? Number(text) : text);

/** An amount that may be one in some network; `inCurrency` knows which. */
const amount = (field: string, text: string): string => {
  const units = [Money.coin(), { ...Money.coin("dollars"), kind: "token", dollars: true } as const];
  if (units.every((unit) => Money.parse(text, unit) === undefined))
    parseAmount(field, text, Money.coin("what the network pays in"));
  return text;
};

/** Flags for the headless workers, and the settings they change. */
const workerFlags: Readonly<Record<string, (text: string) => object>> = {
  "--worker-price": (text) => ({ price: text }),
  "--worker-watchtower-share": (text) => ({ watchtowerShare: number(text) }),
  "--worker-soft-cap": (text) => ({ softCap: text }),
  "--worker-hours": (text) => ({ hours: parseHours(text) }),
  "--worker-slots": (text) => ({ limits: { jobs: number(text) } }),
  "--worker-tags": (text) => ({ tags: words(text) }),
  "--worker-allow": (text) => ({ allow: words(text) }),
  "--worker-deny": (text) => ({ deny: words(text) }),
  "--worker-crew": (text) => ({ crews: words(text) }),
  "--watchtower-share": (text) => ({ watchtowerShare: number(text) }),
  "--worker-payee": (text) => ({ payee: text }),
};

/** Flags for the broadcaster, and the settings they change. */
const hiringFlags: Readonly<Record<string, (text: string) => object>> = {
  "--hire-tags": (text) => ({ tags: words(text) }),
  "--hire-allow": (text) => ({ allow: words(text) }),
  "--hire-deny": (text) => ({ deny: words(text) }),
  "--hire-crew": (text) => ({ crew: text }),
};

export const settingsFlags = [...Object.keys(workerFlags), ...Object.keys(hiringFlags)];

/** Their part of `--help`. */
export const settingsHelp = `What the headless workers are set to, as on the Earn page:
  --worker-price AMOUNT asked per output gigapixel, in what the network pays in, such as 0.003 (default what ${Money.exact(Money.of(parseWorkerSettings({}).price, Money.coin()))} is worth)
  --worker-soft-cap AMOUNT
                        how much may be owed to each without a guarantee (default five segments' pay, and 20 claims' gas)
  --worker-watchtower-share PERCENT
                        what a watchtower may keep of a late claim, 0 to 20 (default 5)
  --worker-hours HOURS  such as "22:00-06:00" or "Mon-Fri 18:00-23:00, Sat 9:00-24:00" (default always)
  --worker-slots N      jobs at once, 1 to 4 (default 4)
  --worker-tags LIST    what they say they can do, such as eu,gpu
  --worker-allow LIST   stream ids or broadcasters' peer ids: works for these alone
  --worker-deny LIST    never works for these
  --worker-crew LIST    tokens of private crews they belong to, 16 to 128 letters, digits, _ or - each
  --worker-crew-links FILE
                        crew links of private streams that they work for too, one a line
  --watchtower-share N  percent left to whoever claims for a worker that is gone, 0 to 20 (default 5)
  --worker-payee ADDR   where payments go (default a wallet of each tab)

Whom the broadcaster hires:
  --hire-tags LIST      tags a worker must have
  --hire-allow LIST     workers' peer ids or payees' addresses: hires these alone
  --hire-deny LIST      never hires these
  --hire-crew TOKEN     hires members of this private crew alone`;

/** Reads the flags that were given; a group without any is left out. `bad` refuses a flag with a message. */
export function readSettings(
  given: ReadonlyMap<string, string>,
  bad: (flag: string, message: string) => never,
): { readonly worker?: WorkerChange; readonly hiring?: HiringChange } {
  /** Each flag by itself, so that a mistake names the flag. */
  const read = <T>(
    flags: typeof workerFlags,
    check: (value: object) => T,
  ): Partial<T> | undefined => {
    let change: Partial<T> | undefined;
    for (const [flag, parse] of Object.entries(flags)) {
      const text = given.get(flag);
      if (text === undefined) continue;
      try {
        const part = parse(text);
        const whole = check(part);
        for (const name of Object.keys(part) as (keyof T)[])
          change = { ...change, [name]: whole[name] } as Partial<T>;
      } catch (error) {
        if (!(error instanceof SettingsError)) throw error;
        const { field } = error.reason;
        const said = error.message.startsWith(field)
          ? error.message.slice(field.length + 1)
          : error.message;
        bad(flag, `${flag} ${said}`);
      }
    }
    return change;
  };
  const worker = read<WorkerSettingsJson>(workerFlags, (value) => {
    const { price, softCap, ...rest } = value as Partial<WorkerSettingsJson>;
    return {
      ...workerSettingsJson(parseWorkerSettings(rest)),
      ...(price !== undefined && { price: amount("price", price) }),
      ...(softCap !== undefined && { softCap: amount("softCap", softCap) }),
    };
  });
  const hiring = read(hiringFlags, parseHiringSettings);
  return { ...(worker && { worker }), ...(hiring && { hiring }) };
}

/** What headless workers are set to, with its amounts in the smallest parts of what the network pays in. Throws SETTINGS_BAD. */
export function inCurrency(
  { price, softCap, ...change }: WorkerChange,
  currency: CurrencyConfig | undefined,
): Partial<WorkerSettingsJson> {
  const unit = Money.ofCurrency(currency);
  return {
    ...change,
    ...(price !== undefined && { price: `${parseAmount("price", price, unit)}` }),
    ...(softCap !== undefined && { softCap: `${parseAmount("softCap", softCap, unit)}` }),
    ...(currency && { token: currency.token }),
  };
}
