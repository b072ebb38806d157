export { tabcastPotAbi, tabcastPotBytecode } from "./generated.ts";
