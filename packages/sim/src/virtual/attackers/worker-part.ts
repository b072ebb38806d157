import { Amount } from "@tabcast/runtime";
import type { WorkerPart } from "../../stage.ts";
import type { World } from "../world.ts";

/** Wei per gigapixel that are a gwei per megapixel. */
const PER_GIGAPIXEL = 1_000_000_000_000;

/** Multiple of real time for the first stream's ladder. */
const SPEED = 6;

/** A hostile worker that wants to be hired: quicker and cheaper than most. */
export const tempting = ({ rng }: World, name: string): WorkerPart => ({
  name,
  spec: {
    id: "hostile",
    n: 1,
    fromS: undefined,
    speed: { dist: "const", value: SPEED },
    price: [1, 1],
    uplinkKbps: undefined,
    downlinkKbps: undefined,
    pastes: undefined,
    behaviour: undefined,
  },
  seed: rng(`key/${name}`).bytes(32),
  price: Amount.of(PER_GIGAPIXEL),
  speed: SPEED,
  on: () => {},
  cheated: () => {},
  worked: () => {},
});
