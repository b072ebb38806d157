export type * from "./broadcaster/types.ts";
export type * from "./viewer/types.ts";
export type * from "./worker/types.ts";
