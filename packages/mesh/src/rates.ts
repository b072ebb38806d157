/** What a node costs while nothing happens: how many neighbours it has, and how often it speaks to them. */

/** Neighbours that a tab looks for. */
export const DEGREE = 8;
/** Relays at which a tab holds a slot. */
export const SLOTS = 2;
/** Each connection is pinged so often, from both ends, in milliseconds. */
export const PING_EVERY = 30_000;
/** Bytes of a ping, and of its answer. Source: libp2p's ping protocol. */
export const PING_BYTES = 32;
/** A source is asked for peers so often while neighbours are wanting, and otherwise; milliseconds. */
export const ASK_OFTEN = 4_000;
export const ASK_SELDOM = 60_000;
/** Neighbours to which a tab, and a relay, passes on what comes on a topic, at most. */
export const TAB_DEGREE = 12;
export const RELAY_DEGREE = 24;
/**
 * Milliseconds from one check of a relay to the next: a probe of the way through it, or a ping where it holds no slot; and the bytes that a
 * probe sends there and has back.
 */
export const CHECK_EVERY = 4_000;
export const PROBE_BYTES = 32;
