import { createContext, useContext } from "react";
import { coin, type Unit } from "@tabcast/tab/money";

/** What pots pay in. The chain's own coin, unless something around the pages provides another unit. Gas is always in the coin. */
export const PaidIn = createContext<Unit>(coin());

export const useUnit = (): Unit => useContext(PaidIn);
