import type { StreamPart } from "../../stage.ts";
import { stageStream } from "../stream.ts";
import type { Attacker } from "./attacker.ts";
import { streamOf } from "./stream-part.ts";

/** What its segments hold, whatever its offer says: 600 frames of 3840 x 2160. Source: what decoders are given at most, media's bounds.ts. */
export const BOMB = { width: 3_840, height: 2_160, frames: 600 };

export const decoderBomb: Attacker = {
  what: "offers work on small pictures, and sends workers sources of 600 frames of 3840 x 2160",
  aims: "workers' time, so that they are late for other streams",
  bound: "a source that is not as offered is refused before it is decoded",
  async start(world, { names, did }) {
    const on: StreamPart["on"] = ({ type }) => {
      if (type === "sent") did("bombs sent");
    };
    for (const [i, name] of names.entries()) {
      const { start } = await stageStream(
        world,
        { ...streamOf(world, name, i), on },
        () => {},
        BOMB,
      );
      const { finished } = await start();
      finished.catch(() => {}); // nobody minds how it ends
    }
  },
};
