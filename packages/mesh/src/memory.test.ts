import { Millis, seededRandom } from "@tabcast/runtime";
import { compliance } from "./compliance.ts";
import { memory, memoryNetwork } from "./memory.ts";
import { peerIdFromPublicKey } from "./peer-id.ts";

for (const latency of [0, 3]) {
  const random = seededRandom(1, `memory ${latency}`);
  const network = memoryNetwork({ latency: () => Millis.of(latency) });
  compliance(`memory, ${latency} ms`, async () =>
    memory(network, { self: peerIdFromPublicKey(random.bytes(32)) }),
  );
}
