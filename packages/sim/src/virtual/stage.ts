/** A stage on virtual time: the code of market, channel and node over modelled links, codec, chain and signatures. */
import { Envelope, OFFER_TOPICS, Offer, PROTOCOLS } from "@tabcast/protocol";
import { toHex } from "@tabcast/runtime";
import type { Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { attack } from "./attackers/index.ts";
import type { Memory } from "./memory.ts";
import { stageStream } from "./stream.ts";
import { stageLister, stageViewer } from "./viewer.ts";
import { stageWorker } from "./worker.ts";
import { openWorld, type Peer, Staged } from "./world.ts";

/** `memory` is told what the run's memories hold, by this stage too. */
export function openStage(scenario: Scenario, seed: number, memory: Memory): Stage {
  const over = new AbortController();
  const world = openWorld(scenario, seed, memory, over.signal);
  const { timeline, net, ledger } = world;
  const offers = new Set<string>();

  /** Counts distinct offers: they are sent again under the same id. */
  function countOffers({ mesh }: Peer): void {
    const { publish } = mesh;
    mesh.publish = async (topic, body) => {
      if (OFFER_TOPICS.includes(topic))
        await Envelope.open(body, "offer").then(
          ({ payload }) => offers.add(toHex(Offer.decode(payload).id)),
          () => {}, // the end of one
        );
      return publish(topic, body);
    };
  }

  return {
    engine: "virtual",
    now: () => timeline.now,
    after: (ms, task) => void timeline.after(ms, task),
    run: (until, mostMs) => timeline.run(until, mostMs),
    worker: (part) => stageWorker(world, part),
    stream: (part) => stageStream(world, part, countOffers),
    viewer: (part) => stageViewer(world, part),
    lister: (part) => stageLister(world, part),
    attack: ({ kind, n }) => attack(world, kind, n),
    partition(groups, ms) {
      const nodes = groups.map((group) =>
        group.flatMap((tab) => (tab instanceof Staged ? [tab.node] : [])),
      );
      net.partition(nodes, ms);
    },
    totals() {
      const { deposited, paid, refunded } = ledger;
      const { media, control } = net.traffic();
      return {
        money: { deposited, paid, refunded },
        bytes: { media, control, jobs: net.asked(PROTOCOLS.job).bodies },
        offers: offers.size,
        bids: net.asked(PROTOCOLS.bid).count,
        timelineEvents: timeline.ran,
        settled: world.relays?.settled ?? { tabs: 0, lonely: 0 },
        memory: memory.peaks(),
        honestBids: world.asked.get(PROTOCOLS.bid) ?? 0,
        leaks: world.leaks.size,
        deeds: Object.fromEntries(world.deeds),
        skipped: [],
      };
    },
    close: () => over.abort(new Error("the run is over")),
  };
}
