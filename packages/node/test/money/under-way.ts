/** What is under way and ends by itself, outside of the event loop: requests to a chain, cryptography, short waits. */
let count = 0;

export const underWay = (): number => count;

export function counted<T>(work: Promise<T>): Promise<T> {
  count++;
  return work.finally(() => {
    count--;
  });
}

for (const name of [
  "digest",
  "sign",
  "verify",
  "importKey",
  "exportKey",
  "encrypt",
  "decrypt",
  "generateKey",
] as const) {
  const { subtle } = crypto;
  const call = subtle[name].bind(subtle) as (...args: unknown[]) => Promise<unknown>;
  const value = (...args: unknown[]) => counted(call(...args));
  Object.defineProperty(subtle, name, { value, configurable: true });
}

/** Answers a request itself, or leaves it to the network by returning undefined. */
export type Answerer = (...asked: Parameters<typeof fetch>) => Promise<Response> | undefined;

const answerers = new Set<Answerer>();
const network = globalThis.fetch;

/** Has requests answered in this process until the returned function is called. */
export function intercept(one: Answerer): () => void {
  answerers.add(one);
  return () => void answerers.delete(one);
}

/** An answer is there when its last byte is. */
async function whole(...asked: Parameters<typeof fetch>): Promise<Response> {
  let answer: Promise<Response> | undefined;
  for (const one of answerers) answer ??= one(...asked);
  const got = await (answer ?? network(...asked));
  return new Response(await got.arrayBuffer(), { status: got.status, headers: got.headers });
}

globalThis.fetch = (...asked) => counted(whole(...asked));
