/** A private stream's crew link, taken apart. */
export interface CrewLink {
  /** Lower-case hex of the stream's id. */
  readonly stream: string;
  /** What stands after "#" in the link, 43 characters. */
  readonly key: string;
}

/** Private streams that a worker may have links of: it has no more than that many to hear of. */
export const MOST_CREW_LINKS = 16;
