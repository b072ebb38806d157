/** Signed bytes of any kind. */
export * from "./envelope.ts";
export * from "./errors.ts";
/** What may pass on which topic. */
export * from "./gossip.ts";
export * from "./heard.ts";
/** Ed25519 keys that sign. */
export * from "./keys.ts";
/** One noun per message: `Offer.encode(offer)`, `Offer.decode(bytes)`. */
export {
  Accept,
  Announce,
  Award,
  Bid,
  BidReply,
  Bye,
  Cancel,
  type Checked,
  Closed,
  CODECS,
  Complaint,
  Delegate,
  DelegateReply,
  Entry,
  Equivocation,
  FAULTS,
  type Failure,
  Get,
  GetReply,
  HARDWARE,
  Hold,
  type Holder,
  HoldReply,
  Job,
  JobEnd,
  JobReply,
  type Known,
  LIMITS,
  LiveReply,
  LiveRequest,
  MAX_INIT,
  MAX_JOB_MEDIA,
  MAX_KNOWN,
  MAX_LIVE,
  MAX_MANIFEST_ENTRIES,
  MAX_MEDIA,
  MAX_PART,
  MAX_PIECES,
  MAX_REVEAL_CHECKS,
  MAX_SOUND,
  ManifestReply,
  ManifestRequest,
  Offer,
  PeersReply,
  PeersRequest,
  type Piece,
  type Pot,
  PrivateAnnounce,
  PrivateEntry,
  PrivateOffer,
  type Progress,
  Receipt,
  type Rendition,
  Reveal,
  ROLES,
  type Rung,
  type Track,
  Verdict,
  VerdictReply,
  type Voucher,
} from "./messages.ts";
export type { Loose, Noun } from "./noun.ts";
/** Peer ids and the keys inside them. */
export * from "./peer-key.ts";
export * from "./peers.ts";
/** Private streams: their keys, and what is encrypted under them. */
export * from "./private.ts";
export * from "./protocols.ts";
/** Signed messages, opened with every check. */
export * from "./sealed.ts";
export * from "./topics.ts";
