/**
 * When a worker's tab takes work, at its owner's side.
 *
 *   open ──drain, page hidden, outside its hours, off the plug, in use──▶ draining ──last job over──▶ closed
 *    ▲                                                                      │                          │
 *    └───────────────────────── the reason is gone ◀───────────────────────┴──────────────────────────┘
 *
 * `paused` closes at once for new work; jobs in hand are finished in every case.
 */

/** Minutes of the local day, 0 to 1440; `to` below `from` goes on past midnight. */
export interface Span {
  /** 0 is Sunday. */
  readonly days: readonly number[];
  readonly from: number;
  readonly to: number;
}

export interface Policy {
  /** Jobs at once, 1 to 4. */
  readonly slots: number;
  readonly paused: boolean;
  /** Finish what is in hand and take nothing new. */
  readonly drain: boolean;
  /** Only in these hours; always, if empty. */
  readonly hours: readonly Span[];
  readonly onlyWhenCharging: boolean;
  readonly onlyWhenIdle: boolean;
  /** Stream keys as lower-case hexadecimal, or broadcasters' peer ids. Only these, unless it is empty. */
  readonly allow: readonly string[];
  /** Not these. Counts before `allow`. */
  readonly deny: readonly string[];
}

/** Takes four jobs at once, from everybody, at any time. */
export const ALWAYS: Policy = {
  slots: 4,
  paused: false,
  drain: false,
  hours: [],
  onlyWhenCharging: false,
  onlyWhenIdle: false,
  allow: [],
  deny: [],
};

/** What the tab knows of its device; undefined where the browser does not say, which counts as no. */
export interface Facts {
  readonly charging?: boolean | undefined;
  readonly idle?: boolean | undefined;
  /** Local: 0 is Sunday; minutes since midnight. */
  readonly day: number;
  readonly minute: number;
  /** Jobs in hand. */
  readonly jobs: number;
}

export type Why = "paused" | "draining" | "hours" | "battery" | "in use" | "";

export interface State {
  readonly state: "open" | "draining" | "closed";
  readonly why: Why;
  /** Jobs that could start now. */
  readonly free: number;
}

function within({ days, from, to }: Span, day: number, minute: number): boolean {
  if (from <= to) return days.includes(day) && minute >= from && minute < to;
  const yesterday = (day + 6) % 7;
  return (days.includes(day) && minute >= from) || (days.includes(yesterday) && minute < to);
}

/** Whether the tab takes work now, and if not, why. */
export function state(policy: Policy, facts: Facts): State {
  const { day, minute, jobs } = facts;
  const reasons: [Why, boolean][] = [
    ["paused", policy.paused],
    ["draining", policy.drain],
    ["hours", policy.hours.length > 0 && !policy.hours.some((span) => within(span, day, minute))],
    ["battery", policy.onlyWhenCharging && facts.charging !== true],
    ["in use", policy.onlyWhenIdle && facts.idle !== true],
  ];
  const why = reasons.find(([, applies]) => applies)?.[0] ?? "";
  if (why !== "") return { state: jobs > 0 ? "draining" : "closed", why, free: 0 };
  return { state: "open", why, free: Math.max(0, policy.slots - jobs) };
}

/** True if this owner works for a stream at all. */
export function serves(
  { allow, deny }: Pick<Policy, "allow" | "deny">,
  ...names: readonly string[]
): boolean {
  const named = (list: readonly string[]) => list.some((name) => names.includes(name));
  return !named(deny) && (allow.length === 0 || named(allow));
}
