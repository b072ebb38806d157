import type { StreamPart } from "../../stage.ts";
import type { World } from "../world.ts";

/** Numbers of hostile sources begin here: no honest one has so many before it. */
const FIRST = 1_000_000;

/** A hostile broadcaster's stream: as the scenario's first one is. */
export function streamOf({ rng, scenario }: World, name: string, i: number): StreamPart {
  const random = rng(`stream/${name}`);
  return {
    number: FIRST + i,
    name,
    spec: scenario.streams[0] as StreamPart["spec"],
    streamSeed: random.bytes(32),
    tabSeed: random.bytes(32),
    on: () => {},
  };
}
