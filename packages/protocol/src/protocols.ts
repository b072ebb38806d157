/** Request protocols: what is asked, and what answers. Heads are messages of this package. */
export const PROTOCOLS = {
  /** Worker to broadcaster: a sealed Bid; BidReply. */
  bid: "/tabcast/1/bid",
  /** Broadcaster to worker: a sealed Award; Accept. */
  award: "/tabcast/1/award",
  /** Broadcaster to worker: Job with the source's bytes; JobReply parts. */
  job: "/tabcast/1/job",
  /** Broadcaster to worker: Verdict; VerdictReply. */
  verdict: "/tabcast/1/verdict",
  /** Worker to any peer: Delegate; DelegateReply. */
  delegate: "/tabcast/1/entrust",
  /** Broadcaster to worker: Hold with the sound's bytes; HoldReply. */
  hold: "/tabcast/1/hold",
  /** Broadcaster to worker: Cancel; an empty head. */
  cancel: "/tabcast/1/cancel",
  /** Broadcaster to worker: a sealed Reveal; an empty head. */
  reveal: "/tabcast/1/reveal",
  /** Either way: Bye; an empty head. */
  bye: "/tabcast/1/bye",
  /** Anybody: Get; GetReply with the bytes. */
  get: "/tabcast/1/get",
  /** Anybody: ManifestRequest; ManifestReply. */
  manifest: "/tabcast/1/manifest",
  /** Viewer to broadcaster: a sealed Complaint; an empty head. */
  complaint: "/tabcast/1/complaint",
  /** Tab to relay or tab: PeersRequest; PeersReply. */
  peers: "/tabcast/1/peers",
  /** Tab to relay or tab: LiveRequest; LiveReply. */
  live: "/tabcast/1/live",
} as const;
