import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

/**
 * Builds hls.js from the source it ships, by its own feature flags. Its full bundle is 183 kB gzipped and would push Watch
 * over its 400 kB; its light bundle has no alternate audio, which we need, because sound is a rendition of its own.
 */
export function hlsFromSource(): Plugin {
  const home = dirname(
    dirname(
      realpathSync(fileURLToPath(new URL("node_modules/hls.js/dist/hls.mjs", import.meta.url))),
    ),
  );
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as {
    version: string;
  };
  const flags = {
    __VERSION__: JSON.stringify(version),
    __USE_ALT_AUDIO__: "true",
    __USE_CMCD__: "false",
    __USE_CONTENT_STEERING__: "false",
    __USE_EME_DRM__: "false",
    __USE_IFRAMES__: "false",
    __USE_INTERSTITIALS__: "false",
    __USE_M2TS_ADVANCED_CODECS__: "false",
    __USE_MEDIA_CAPABILITIES__: "false",
    __USE_SUBTITLES__: "false",
    __USE_VARIABLE_SUBSTITUTION__: "false",
    // Fragmented MP4 passes through unparsed, so a thread of its own would only cost copies.
    __HLS_WORKER_BUNDLE__: "undefined",
    __IN_WORKER__: "false",
  };
  // A flag that a new version adds would be a ReferenceError in the page, not in the build.
  const declared = readFileSync(join(home, "src/define-plugin.d.ts"), "utf8");
  for (const [, flag] of declared.matchAll(/declare const (\w+):/g))
    if (flag !== undefined && !(flag in flags))
      throw new Error(`hls.js ${version} has a feature flag that is not decided here: ${flag}`);
  return {
    name: "tabcast:hls-from-source",
    config: () => ({
      define: flags,
      resolve: {
        alias: [
          { find: /^hls\.js$/, replacement: join(home, "src/hls.ts") },
          {
            find: /^\.\.?\/(?:demux\/tsdemuxer|audio\/(?:aac|mp3|ac3-)demuxer|remux\/mp4-remuxer|utils\/(?:fetch|xhr)-loader)$/,
            replacement: fileURLToPath(new URL("hls-left-out.ts", import.meta.url)),
          },
          {
            find: /^\.\.\/crypt\/decrypter$/,
            replacement: fileURLToPath(new URL("hls-no-keys.ts", import.meta.url)),
          },
        ],
      },
    }),
  };
}
