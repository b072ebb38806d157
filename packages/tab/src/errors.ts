import { CodedError } from "@tabcast/runtime";

/** Why this tab cannot do what was asked of it. */
export class TabError extends CodedError<
  | { code: "TAB_NO_CONFIG"; status: number }
  | { code: "TAB_BUSY"; what: string }
  | { code: "TAB_NO_FAUCET"; status: number }
  | { code: "TAB_NO_RELAY"; ms: number }
  | { code: "TAB_CHAIN"; method: string }
> {}
