import type { Mesh, PeerId } from "@tabcast/mesh";
import { PROTOCOLS } from "@tabcast/protocol";
import type { World } from "../world.ts";
import type { Attacker, Hostile } from "./attacker.ts";
import { putToWork } from "./worker-part.ts";

/** Serves whoever gives it jobs, and everybody else the head of an answer and no byte of its body. */
function stalling({ timeline }: World, mesh: Mesh, did: Hostile["did"]): Mesh {
  const employers = new Set<PeerId>();
  return {
    ...mesh,
    // It sees nobody, and so bids at once: who is not hired has nothing to keep back.
    population: () => 0,
    serve(protocol, handler, options) {
      mesh.serve(
        protocol,
        async function* (request, asker) {
          if (protocol === PROTOCOLS.job) employers.add(asker.peer);
          const stalls = protocol === PROTOCOLS.get && !employers.has(asker.peer);
          for await (const part of handler(request, asker)) {
            yield part;
            if (!stalls) continue;
            did("bodies kept back");
            await new Promise<void>((resolve) => {
              asker.signal.addEventListener("abort", () => resolve(), { once: true });
              timeline.after(60_000, resolve);
            });
            return;
          }
        },
        options,
      );
    },
  };
}

export const staller: Attacker = {
  what: "bids at once, works, is paid, and then gives viewers the head of an answer and no byte of its body; its broadcasters get all that they ask for",
  aims: "viewers of the segments that it made",
  bound:
    "a viewer goes on to the next holder after a second or two, and asks this one last from then on",
  start: (world, hostile) => putToWork(world, hostile, stalling),
};
