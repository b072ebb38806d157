/** Credentials for TURN that run out, asked for again in time. */
import { CodedError, risingTime, toError } from "@tabcast/runtime";
import type { Context } from "./context.ts";
import { type IceServer, isTurn } from "./ice-servers.ts";

/** The server of the pages gives no usable credentials for TURN. Do: see that the path in tabcast.json answers with `username`, `password` and `ttl`. */
export class TurnError extends CodedError<{ code: "TURN_CREDENTIALS"; path: string }> {}

/** Least and most that credentials may last, in seconds: a shorter life is over before a connection stands. */
const [LEAST_TTL, MOST_TTL] = [60, 7 * 86_400];
/** Characters of a user name or a password. */
const MAX_LENGTH = 512;
/** The part of their life after which new ones are asked for, while the old ones still do. */
const RENEW_AFTER = 0.75;
/** Milliseconds that a server has to answer, since a connection waits for it. */
const PATIENCE = 5_000;
/** Milliseconds from a failure to the next question. */
const AGAIN = 5_000;

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Seconds. */
  readonly ttl: number;
}

/** Reads what a path answered. Throws TURN_CREDENTIALS. */
export function parseCredentials(answer: unknown, path: string): Credentials {
  const { username, password, ttl } = (answer ?? {}) as Partial<Credentials>;
  const refuse = (expected: string): never => {
    throw new TurnError(
      { code: "TURN_CREDENTIALS", path },
      `${path} gives no credentials for TURN: ${expected}`,
    );
  };
  for (const [name, value] of Object.entries({ username, password }))
    if (typeof value !== "string" || value.length === 0 || value.length > MAX_LENGTH)
      refuse(`${name} must be 1 to ${MAX_LENGTH} characters`);
  if (typeof ttl !== "number" || !(ttl >= LEAST_TTL && ttl <= MOST_TTL))
    refuse(`ttl must be ${LEAST_TTL} to ${MOST_TTL} seconds`);
  return { username, password, ttl } as Credentials;
}

/** Asks a path of the server of the pages, and nobody whom that names instead. An error repeats nothing of the answer: it goes into logs. */
export async function askPath(
  fetch: (path: string, init: RequestInit) => Promise<Response>,
  path: string,
  { signal }: { readonly signal: AbortSignal },
): Promise<unknown> {
  const response = await fetch(path, { cache: "no-store", redirect: "error", signal });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} answered ${text.length} characters that are no JSON`);
  }
}

export interface IceServersOptions {
  /** Gets the JSON of a path on the server of the pages. */
  ask(path: string, options: { signal: AbortSignal }): Promise<unknown>;
  /** Told when credentials were not to be had, for the first time and after they had been. */
  trouble?(error: Error): void;
}

/**
 * The servers as a browser takes them, with credentials that last. A connection under way keeps those that it began with: coturn
 * looks at their time only when a session begins (coturn/coturn#774). A TURN server whose credentials are not to be had is left out.
 */
export function iceServersOf(
  context: Pick<Context, "clock">,
  servers: readonly IceServer[],
  options: IceServersOptions,
): () => Promise<RTCIceServer[]> {
  const paths = new Map(
    servers
      .flatMap(({ credentials }) => credentials ?? [])
      .map((path) => [path, keeping(context, path, options)]),
  );
  return () => Promise.all(servers.map((one) => filled(one, paths))).then((all) => all.flat());
}

async function filled(
  { urls, credentials, username, credential }: IceServer,
  paths: ReadonlyMap<string, () => Promise<Credentials | undefined>>,
): Promise<RTCIceServer[]> {
  if (username !== undefined && credential !== undefined)
    return [{ urls: [...urls], username, credential }];
  if (credentials === undefined) return [{ urls: [...urls] }];
  const held = await paths.get(credentials)?.();
  if (held !== undefined)
    return [{ urls: [...urls], username: held.username, credential: held.password }];
  const stun = urls.filter((url) => !isTurn(url));
  return stun.length > 0 ? [{ urls: stun }] : [];
}

/** The credentials of one path: undefined while there are none that last. */
function keeping(
  { clock }: Pick<Context, "clock">,
  path: string,
  { ask, trouble }: IceServersOptions,
): () => Promise<Credentials | undefined> {
  // Credentials run out while a machine sleeps too.
  const time = risingTime(clock);
  let held: Credentials | undefined;
  let [renew, end, asked] = [0, 0, Number.NEGATIVE_INFINITY];
  let asking: Promise<void> | undefined;
  let well = true;

  async function renewed(): Promise<void> {
    const at = time();
    try {
      const signal = clock.timeout(PATIENCE);
      held = parseCredentials(await ask(path, { signal }), path);
      renew = at + held.ttl * 1_000 * RENEW_AFTER;
      end = at + held.ttl * 1_000;
      well = true;
    } catch (thrown) {
      asked = time();
      if (well) trouble?.(toError(thrown));
      well = false;
    } finally {
      asking = undefined;
    }
  }

  return async () => {
    const now = time();
    if (now >= renew && now >= asked + AGAIN) asking ??= renewed();
    if (now >= end) await asking;
    return time() < end ? held : undefined;
  };
}
