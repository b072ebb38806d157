/** `closeAt` of a pot that never changes again. Source: TabcastPot.sol. */
export const FINALIZED = 0xffffffff;
