import { Live } from "../broadcast/live.tsx";
import { Setup } from "../broadcast/setup.tsx";
import { Unsettled } from "../broadcast/unsettled.tsx";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Heading } from "../ui/parts.tsx";

/** Goes live from a camera, a screen, a file or the test scene. */
export default function BroadcastPage() {
  const onAir = useStore(tab.onAir);
  if (onAir.phase !== "idle" && !(onAir.phase === "failed" && onAir.stream === undefined))
    return <Live onAir={onAir} />;
  return (
    <>
      <Heading title="Broadcast">
        Your stream leaves this tab once. Workers turn it into every rung, and are paid for what you
        verify.
      </Heading>
      <Unsettled />
      <Setup onAir={onAir} />
    </>
  );
}
