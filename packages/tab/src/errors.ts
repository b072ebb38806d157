import { CodedError } from "@tabcast/runtime";

/** Why this tab cannot do what was asked of it. */
export class TabError extends CodedError<
  /** The server of the pages has no /tabcast.json. Do: put one beside the pages. */
  | { code: "TAB_NO_CONFIG"; status: number }
  /** This tab does that already. Do: end it first, or open another tab. */
  | { code: "TAB_BUSY"; what: string }
  /** No play money: not a local chain, or its faucet refused. Do: use a wallet with money. */
  | { code: "TAB_NO_FAUCET"; status: number }
  /** No relay could be reached in time; milliseconds. Do: check the network and the relays that tabcast.json names. */
  | { code: "TAB_NO_RELAY"; ms: number }
  /** No deposit pays for a broadcast of this tab. Do: go live with one first. */
  | { code: "TAB_NO_POT" }
  /** Nobody can be reached with this device's address hidden. Do: show it, or have the network's owner name a TURN server. */
  | { code: "TAB_NO_TURN" }
  /** The chain refused a call. Do: check the RPC address; try again. */
  | { code: "TAB_CHAIN"; method: string }
> {}
