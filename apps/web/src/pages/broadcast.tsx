import { useState } from "react";
import { Live } from "../broadcast/live.tsx";
import { Setup } from "../broadcast/setup/setup.tsx";
import { Unsettled } from "../broadcast/unsettled.tsx";
import type { OnAir } from "../on-air.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { NotKept } from "../ui/kept.tsx";
import { InTheNetworksMoney } from "../ui/paid-in.tsx";
import { Heading } from "../ui/parts.tsx";
import type { Chosen } from "../ui/pay-choice.tsx";

/** Goes live from a camera, a screen, a file or the test scene. */
export default function BroadcastPage() {
  const onAir = useStore(tab.onAir);
  const open = onAir.phase === "idle" || (onAir.phase === "failed" && onAir.stream === undefined);
  const starting = onAir.phase === "preparing" || onAir.phase === "funding";
  return (
    <InTheNetworksMoney>
      {!open && <Live onAir={onAir} />}
      {/* What was chosen stays while the wallet is asked: a no loses nothing. */}
      {(open || starting) && (
        <div hidden={!open}>
          <Begin onAir={onAir} />
        </div>
      )}
    </InTheNetworksMoney>
  );
}

function Begin({ onAir }: { onAir: OnAir }) {
  const [chosen, setChosen] = useState<Chosen>();
  return (
    <>
      <Heading title="Broadcast">
        Your stream leaves this tab once. Workers turn it into every rung, and are paid for what you
        verify.
      </Heading>
      <Unsettled wallet={chosen?.wallet} />
      <NotKept advice="Without them only your wallet can close a pot: settle each stream when it ends." />
      <Setup onAir={onAir} chosen={chosen} choose={setChosen} />
    </>
  );
}
