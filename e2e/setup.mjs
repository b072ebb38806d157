import { build } from "../scripts/build.mjs";

/** The pages under test are those of these sources, unless TABCAST_PAGES names a folder of built ones. */
export default async function setup() {
  if (!process.env.TABCAST_PAGES) await build();
}
