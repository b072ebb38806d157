export type * from "./mesh.ts";
