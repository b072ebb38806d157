/** What a tab needs only once it works: a viewer's tab loads none of it. */
export { workerOptions } from "./assembly.ts";
export { measureAll } from "./measuring.ts";
export { sense } from "./sensing.ts";
