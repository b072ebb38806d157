/** What the browser's Trusted Types ask of whoever starts a script or a Web Worker by an address. */
interface TrustedTypes {
  createPolicy(name: string, rules: { readonly createScriptURL: (url: string) => string }): unknown;
}

/** Throws TypeError for a script that is not this page's own server's. */
export function ownScript(url: string, page: string): string {
  const { origin, protocol } = new URL(url, page);
  if (origin === new URL(page).origin && protocol !== "blob:") return url;
  throw new TypeError(
    `scripts come from ${new URL(page).origin} only, not from ${url.slice(0, 200)}`,
  );
}

/**
 * Lets this page start its own server's scripts, where it is served with `require-trusted-types-for`: markup and code that
 * come as text stay refused. Called once, before anything else. Browsers without Trusted Types need nothing.
 */
export function allowOwnScripts(): void {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  trustedTypes?.createPolicy("default", {
    createScriptURL: (url) => ownScript(url, location.href),
  });
}
