type Environment = Readonly<Record<string, string | undefined>>;

/** There is a file, or a link to one, at this path. */
export function isFile(path: string): boolean;

/** Where browsers that speak WebCodecs usually are, best first; a name without a slash is looked for on the PATH. */
export function usualPlaces(platform: string, env: Environment): readonly string[];

/** The first of the usual places that holds a browser. */
export function installed(env?: Environment, platform?: string): string | undefined;
