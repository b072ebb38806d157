export * from "./bounded.ts";
export * from "./bytes.ts";
export * from "./clock.ts";
export * from "./errors.ts";
export * from "./figures.ts";
export * from "./random.ts";
export * from "./rung.ts";
export * from "./units.ts";
