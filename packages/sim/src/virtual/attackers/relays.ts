import type { Attacker } from "./attacker.ts";

/** What relays do is decided before the run: see `virtual/relay.ts`. The share is of the relays of the configuration. */
const start = () => {};

export const lyingRelay: Attacker = {
  what: "is a relay that gives slots, forwards nothing, refuses to introduce anybody, names peers that do not exist, exaggerates, and lists rubbish",
  aims: "tabs that hold slots at it",
  bound: "a tab goes by its other relay; every stream is listed",
  start,
};

export const hangingRelay: Attacker = {
  what: "is a relay that gives slots, answers pings, and lets every dial, question and message hang",
  aims: "tabs that hold slots at it, and whoever dials them",
  bound: "another relay is tried after 0.3 s, and this one last for a minute",
  start,
};
