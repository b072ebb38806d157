import { hasTurn } from "@tabcast/node/ice-servers";
import type { Bag } from "./bag.ts";
import { type Cell, cell, type Store } from "./cell.ts";
import { TabError } from "./errors.ts";
import type { Identity } from "./identity.ts";

/** Whether this browser's tabs connect through TURN servers alone, so that no other tab learns their address. */
export interface RelayOnly {
  /** What is kept. A mesh that is open stays as it was opened: see `relayOnly` of the tab's state. */
  readonly on: Store<boolean>;
  /** Keeps it for this tab's next mesh and for later visits. Throws TAB_NO_TURN where the network has no TURN server. */
  set(on: boolean): Promise<void>;
}

export function openRelayOnly({ outside }: Pick<Bag, "outside">): Cell<boolean> {
  return cell(outside.relayOnly.kept());
}

export function relayOnlyOf(
  { outside }: Pick<Bag, "outside">,
  { on, identity }: { readonly on: Cell<boolean>; readonly identity: Pick<Identity, "config"> },
): RelayOnly {
  return {
    on,
    async set(wanted) {
      if (wanted && !hasTurn((await identity.config()).iceServers))
        throw new TabError(
          { code: "TAB_NO_TURN" },
          "this network names no TURN server, so a tab that hides its address would reach nobody",
        );
      outside.relayOnly.keep(wanted);
      on.set(wanted);
    },
  };
}
