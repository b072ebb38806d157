/** STUN and TURN servers, as a network's description names them. */

/** Servers that browsers ask where they are, or that pass their bytes on. */
export interface IceServer {
  /** 1 to 4, each `stun:`, `turn:` or `turns:` with a host, and a port unless it is the usual one. */
  readonly urls: readonly string[];
  /**
   * TURN: a path on the server of the pages that gives credentials for a while, as JSON: `username`, `password`, and `ttl` in
   * seconds. Source: draft-uberti-behave-turn-rest-00.
   */
  readonly credentials?: string;
  /** TURN: credentials that everybody may have for ever, with `public` to say that this is meant. */
  readonly username?: string;
  readonly credential?: string;
  readonly public?: true;
}

/** Entries of a description. Browsers ask each of them at each connection; Chromium warns of five. */
export const MAX_ICE_SERVERS = 4;
const MAX_URLS = 4;
/** Characters of a URL, a path or a credential. */
const MAX_LENGTH = 256;

const URL_FORM =
  /^(?:stuns?|turns?):(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(\?transport=(?:udp|tcp))?$/;

export const isTurn = (url: string): boolean => url.startsWith("turn");

/** Says that `field` must be `expected`; it throws. */
export type Refuse = (field: string, expected: string, got: unknown) => never;

/** Checks the `iceServers` of a description. Only what is known of an entry is kept. */
export function parseIceServers(given: unknown, refuse: Refuse): readonly IceServer[] {
  if (!Array.isArray(given) || given.length > MAX_ICE_SERVERS)
    return refuse("iceServers", `a list of at most ${MAX_ICE_SERVERS} servers`, given);
  return given.map((one, at) => parseOne(one, `iceServers[${at}]`, refuse));
}

function parseOne(given: unknown, field: string, refuse: Refuse): IceServer {
  if (typeof given !== "object" || given === null) return refuse(field, "an object", given);
  const { urls: named, credentials, username, credential, public: meant } = given as Fields;
  const urls = typeof named === "string" ? [named] : named;
  if (!Array.isArray(urls) || urls.length === 0 || urls.length > MAX_URLS)
    return refuse(`${field}.urls`, `1 to ${MAX_URLS} URLs`, named);
  for (const url of urls)
    if (!isUrl(url))
      return refuse(
        `${field}.urls`,
        "stun:, turn: or turns: with a host, such as turns:turn.example.org:5349",
        url,
      );
  if (!urls.some(isTurn)) {
    if (credentials !== undefined || username !== undefined || credential !== undefined)
      return refuse(field, "a STUN server without credentials, which it does not take", urls);
    return { urls };
  }
  if (credentials !== undefined) {
    if (!isOwnPath(credentials))
      return refuse(
        `${field}.credentials`,
        "a path on the server of the pages, such as /turn-credentials",
        credentials,
      );
    if (username !== undefined || credential !== undefined)
      return refuse(field, "either `credentials` or `username` and `credential`", "both");
    return { urls, credentials };
  }
  if (!isText(username) || !isText(credential))
    return refuse(
      `${field}.credentials`,
      "a path that gives credentials for TURN, such as /turn-credentials",
      credentials,
    );
  if (meant !== true)
    return refuse(
      `${field}.credential`,
      "left out, because everybody can read this file: name a path that gives credentials for a while in `credentials`, or say `public: true` if everybody may use this TURN server for ever",
      "a credential that does not end",
    );
  return { urls, username, credential, public: true };
}

type Fields = Readonly<
  Partial<Record<"urls" | "credentials" | "username" | "credential" | "public", unknown>>
>;

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= MAX_LENGTH;

function isUrl(value: unknown): value is string {
  if (!isText(value)) return false;
  const [, port, transport] = URL_FORM.exec(value) ?? [];
  if (!URL_FORM.test(value) || (transport !== undefined && !isTurn(value))) return false;
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
}

/** Neither another server, as `//host` would be, nor a way out of the pages' folder. */
const isOwnPath = (value: unknown): value is string =>
  isText(value) && /^\/[A-Za-z0-9_~-][A-Za-z0-9_~./-]*$/.test(value) && !value.includes("..");

/** Whether tabs can reach each other without learning each other's address. */
export const hasTurn = (servers: readonly IceServer[]): boolean =>
  servers.some(({ urls }) => urls.some(isTurn));

/** What such servers cannot do for the network's tabs, each a sentence for whoever runs it. */
export function missingWays(servers: readonly IceServer[]): readonly string[] {
  if (servers.length === 0)
    return [
      "iceServers names no STUN and no TURN server: tabs reach each other within one local network only.",
    ];
  if (!hasTurn(servers))
    return [
      "iceServers names no TURN server: tabs behind strict routers reach nobody, and nobody can hide their address from others.",
    ];
  return [];
}
