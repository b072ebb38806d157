import { Begin } from "../earn/begin.tsx";
import { PrivateStreams } from "../earn/private-streams.tsx";
import { Working } from "../earn/working.tsx";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { InTheNetworksMoney } from "../ui/paid-in.tsx";
import { Heading } from "../ui/parts.tsx";

/** Turns this tab into a worker, and shows what it does and earns. */
export default function EarnPage({ stream }: { stream?: string }) {
  const earning = useStore(tab.earning);
  const active = earning.phase !== "idle" && earning.phase !== "failed";
  return (
    <InTheNetworksMoney>
      <Heading title="Earn">
        This tab transcodes live video for people who broadcast, and is paid for every segment they
        verify.
      </Heading>
      <PrivateStreams stream={stream} />
      {active ? <Working earning={earning} /> : <Begin earning={earning} />}
    </InTheNetworksMoney>
  );
}
