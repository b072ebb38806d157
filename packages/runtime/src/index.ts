export * from "./bytes.ts";
export * from "./clock.ts";
export * from "./errors.ts";
export * from "./figures.ts";
export * from "./random.ts";
export * from "./units.ts";
