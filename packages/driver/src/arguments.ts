/** What every Chromium of the project is started with. */
const always = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Only the page in front would be awake otherwise, and all of ours work without being looked at.
  "--disable-background-timer-throttling",
  "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows",
];

/** Cameras, screens and microphones show a pattern, nobody is asked for them, and sound may start by itself. */
const grantedDevices = [
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
];

export interface ArgumentOptions {
  /** Devices are pretended and granted without a question. Default true. */
  readonly devices?: boolean;
  /** Arguments of the caller's own; the features that several of them switch become one list. */
  readonly more?: readonly string[];
}

/** Chromium's command line. Throws a RangeError for a word that is not a switch: Chromium would open it as an address. */
export function chromiumArguments({ devices = true, more = [] }: ArgumentOptions = {}): string[] {
  const features = new Map<string, string[]>();
  const others: string[] = [];
  for (const word of [...always, ...(devices ? grantedDevices : []), ...more]) {
    if (!/^--[a-z0-9]/.test(word))
      throw new RangeError(`a switch of Chromium begins with two dashes, got "${word}"`);
    const [, name, list] = /^(--(?:enable|disable)-features)=(.*)$/.exec(word) ?? [];
    // Chromium obeys the last list alone.
    if (name !== undefined && list !== undefined)
      features.set(name, [...(features.get(name) ?? []), ...list.split(",")]);
    else others.push(word);
  }
  return [...others, ...[...features].map(([name, list]) => `${name}=${list.join(",")}`)];
}
