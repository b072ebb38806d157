type Environment = Readonly<Record<string, string | undefined>>;

/** There is a file, or a link to one, at this path. */
export function isFile(path: string): boolean;

/** Where browsers that speak WebCodecs usually are, best first; a name without a slash is looked for on the PATH. */
export function usualPlaces(platform: string, env: Environment): readonly string[];

/** The first of the usual places that holds a browser. */
export function installed(env?: Environment, platform?: string): string | undefined;
/** Where a program is: a path that exists, or a name found in a folder of PATH. */
export function find(
  place: string,
  env?: Readonly<Record<string, string | undefined>>,
): string | undefined;
