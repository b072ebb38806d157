import type { Screen } from "@tabcast/market";
import { list, record } from "./fields.ts";
import { crewToken, tag, worker } from "./names.ts";

/** Whom a broadcaster hires. */
export interface HiringSettings {
  /** Tags that a worker must have. At most 8. */
  readonly tags: readonly string[];
  /** Hires these alone, unless it is empty: workers' peer ids, or the addresses they are paid at. At most 256. */
  readonly allow: readonly string[];
  /** Never hires these. Counts before `allow`. At most 256. */
  readonly deny: readonly string[];
  /** Token of the private crew that is hired, 16 to 128 characters. Default: anybody may be. */
  readonly crew?: string;
}

const MOST_TAGS = 8;
const MOST_NAMES = 256;

/** Anybody. */
export const hiringDefaults: HiringSettings = { tags: [], allow: [], deny: [] };

/** Reads settings from anything, such as parsed JSON; what is missing has its default. Throws SETTINGS_BAD naming the field. */
export function parseHiringSettings(value: unknown): HiringSettings {
  const given = record("hiring settings", value, ["tags", "allow", "deny", "crew"]);
  const { tags = [], allow = [], deny = [], crew } = given;
  return {
    tags: list("tags", tags, MOST_TAGS, tag),
    allow: list("allow", allow, MOST_NAMES, worker),
    deny: list("deny", deny, MOST_NAMES, worker),
    ...(crew !== undefined && { crew: crewToken("crew", crew) }),
  };
}

/** The settings as `market` screens bids by them. */
export function screenOf({ tags, allow, deny, crew }: HiringSettings): Screen.Policy {
  return {
    need: tags,
    allow,
    deny,
    ...(crew !== undefined && { token: new TextEncoder().encode(crew) }),
  };
}
