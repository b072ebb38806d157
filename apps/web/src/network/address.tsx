import type { NetworkConfig } from "@tabcast/node/config";
import { hasTurn, missingWays } from "@tabcast/node/ice-servers";
import { describe } from "@tabcast/runtime";
import { useState } from "react";
import * as format from "../format.ts";
import { useStore } from "../store.ts";
import { tab } from "../tab.ts";
import { Button } from "../ui/button.tsx";
import { Notice, Panel } from "../ui/parts.tsx";

/** What others learn of where this device is, and what it costs to hide it. */
export function Address({ config }: { config: NetworkConfig }) {
  const on = useStore(tab.relayOnly.on);
  const { phase, relayOnly = false } = useStore(tab.state);
  const [trouble, setTrouble] = useState<string>();
  const possible = hasTurn(config.iceServers);
  const late = phase === "joined" && relayOnly !== on;
  const change = (wanted: boolean) => {
    setTrouble(undefined);
    tab.relayOnly.set(wanted).catch((thrown) => setTrouble(describe(thrown)));
  };
  return (
    <Panel title="Your address">
      <div className="space-y-3 text-[0.9375rem]">
        <label className="flex items-center gap-3">
          <input
            type="checkbox"
            checked={on}
            // What cannot work any more can still be turned off.
            disabled={!possible && !on}
            onChange={({ target }) => change(target.checked)}
            className="size-5 shrink-0 accent-[var(--accent)]"
          />
          Hide this device's address from other tabs
        </label>
        <p className="text-muted">
          {possible
            ? "Everything then goes through a server of this network. Streams start later and may stop when it is full or down, and whoever runs it pays for the bytes. It, the relays and the server of this page see the address all the same."
            : "This cannot be turned on here: the network names no TURN server, and without one nobody would be reached."}
        </p>
        {trouble !== undefined && <Notice tone="bad">{format.sentence(trouble)}</Notice>}
        {on && !possible && (
          <Notice tone="bad" title="This tab cannot connect">
            It is to hide its address, and the network has no server for that any more. Turn it off,
            or wait until there is one.
          </Notice>
        )}
        {late && (
          <Notice
            title="This counts from the next time this page is opened"
            action={<Button onClick={() => location.reload()}>Open it anew</Button>}
          >
            The connections that this tab has now stay as they are.
          </Notice>
        )}
        {missingWays(config.iceServers).map((sentence) => (
          <p key={sentence} className="text-muted">
            {sentence}
          </p>
        ))}
      </div>
    </Panel>
  );
}
