// Written by scripts/generate.ts from proto/tabcast.proto. Do not edit.
import type { Wire } from '../wire.ts'

export const WIRE: Wire = {
  "Envelope": {
    "1": {
      "name": "kind",
      "type": "string"
    },
    "2": {
      "name": "signer",
      "type": "bytes"
    },
    "3": {
      "name": "payload",
      "type": "bytes"
    },
    "4": {
      "name": "signature",
      "type": "bytes"
    }
  },
  "Rung": {
    "1": {
      "name": "name",
      "type": "string"
    },
    "2": {
      "name": "width",
      "type": "uint32"
    },
    "3": {
      "name": "height",
      "type": "uint32"
    },
    "4": {
      "name": "bitrate",
      "type": "uint32"
    }
  },
  "Announce": {
    "1": {
      "name": "stream",
      "type": "bytes"
    },
    "2": {
      "name": "broadcaster",
      "type": "string"
    },
    "3": {
      "name": "addrs",
      "type": "string",
      "many": true
    },
    "4": {
      "name": "title",
      "type": "string"
    },
    "5": {
      "name": "codec",
      "type": "string"
    },
    "6": {
      "name": "segmentMs",
      "type": "uint32"
    },
    "7": {
      "name": "rungs",
      "type": "Rung",
      "many": true
    },
    "8": {
      "name": "source",
      "type": "Rung"
    },
    "9": {
      "name": "audio",
      "type": "bool"
    },
    "10": {
      "name": "startedMs",
      "type": "uint53"
    },
    "11": {
      "name": "newest",
      "type": "uint53"
    },
    "12": {
      "name": "ended",
      "type": "bool"
    },
    "13": {
      "name": "atMs",
      "type": "uint53"
    },
    "14": {
      "name": "unlisted",
      "type": "bool"
    }
  },
  "Pot": {
    "1": {
      "name": "chainId",
      "type": "uint53"
    },
    "2": {
      "name": "contract",
      "type": "bytes"
    },
    "3": {
      "name": "payer",
      "type": "bytes"
    },
    "4": {
      "name": "signer",
      "type": "bytes"
    },
    "5": {
      "name": "token",
      "type": "bytes"
    },
    "6": {
      "name": "challengeS",
      "type": "uint53"
    },
    "7": {
      "name": "salt",
      "type": "bytes"
    }
  },
  "Offer": {
    "1": {
      "name": "id",
      "type": "bytes"
    },
    "2": {
      "name": "stream",
      "type": "bytes"
    },
    "3": {
      "name": "broadcaster",
      "type": "string"
    },
    "4": {
      "name": "addrs",
      "type": "string",
      "many": true
    },
    "5": {
      "name": "sourceCodec",
      "type": "string"
    },
    "6": {
      "name": "width",
      "type": "uint32"
    },
    "7": {
      "name": "height",
      "type": "uint32"
    },
    "8": {
      "name": "fpsMilli",
      "type": "uint32"
    },
    "9": {
      "name": "sourceBitrate",
      "type": "uint32"
    },
    "10": {
      "name": "codec",
      "type": "string"
    },
    "11": {
      "name": "rungs",
      "type": "Rung",
      "many": true
    },
    "12": {
      "name": "segmentMs",
      "type": "uint32"
    },
    "13": {
      "name": "slackMs",
      "type": "uint32"
    },
    "15": {
      "name": "wanted",
      "type": "uint32"
    },
    "16": {
      "name": "pot",
      "type": "Pot"
    },
    "17": {
      "name": "window",
      "type": "uint32"
    },
    "18": {
      "name": "ttlMs",
      "type": "uint32"
    },
    "19": {
      "name": "atMs",
      "type": "uint53"
    },
    "20": {
      "name": "seedCommit",
      "type": "bytes"
    },
    "21": {
      "name": "need",
      "type": "string",
      "many": true
    },
    "22": {
      "name": "crew",
      "type": "bytes"
    },
    "23": {
      "name": "maxPrice",
      "type": "uint64"
    }
  },
  "Closed": {
    "1": {
      "name": "offer",
      "type": "bytes"
    },
    "2": {
      "name": "stream",
      "type": "bytes"
    },
    "3": {
      "name": "broadcaster",
      "type": "string"
    }
  },
  "Bid": {
    "1": {
      "name": "offer",
      "type": "bytes"
    },
    "2": {
      "name": "worker",
      "type": "string"
    },
    "3": {
      "name": "payee",
      "type": "bytes"
    },
    "4": {
      "name": "lane",
      "type": "uint32"
    },
    "6": {
      "name": "pixelsPerS",
      "type": "uint53"
    },
    "7": {
      "name": "slots",
      "type": "uint32"
    },
    "8": {
      "name": "queueMs",
      "type": "uint32"
    },
    "9": {
      "name": "ageMs",
      "type": "uint53"
    },
    "10": {
      "name": "tags",
      "type": "string",
      "many": true
    },
    "11": {
      "name": "addrs",
      "type": "string",
      "many": true
    },
    "12": {
      "name": "proof",
      "type": "bytes"
    },
    "13": {
      "name": "payeeProof",
      "type": "bytes"
    },
    "14": {
      "name": "award",
      "type": "bytes"
    },
    "15": {
      "name": "price",
      "type": "uint64"
    }
  },
  "BidReply": {
    "1": {
      "name": "ok",
      "type": "bool"
    },
    "2": {
      "name": "why",
      "type": "string"
    },
    "3": {
      "name": "retryMs",
      "type": "uint32"
    }
  },
  "Award": {
    "1": {
      "name": "id",
      "type": "bytes"
    },
    "2": {
      "name": "offer",
      "type": "bytes"
    },
    "3": {
      "name": "stream",
      "type": "bytes"
    },
    "4": {
      "name": "worker",
      "type": "string"
    },
    "5": {
      "name": "epoch",
      "type": "uint32"
    },
    "6": {
      "name": "role",
      "type": "string"
    },
    "8": {
      "name": "payee",
      "type": "bytes"
    },
    "9": {
      "name": "lane",
      "type": "uint32"
    },
    "10": {
      "name": "pot",
      "type": "Pot"
    },
    "11": {
      "name": "price",
      "type": "uint64"
    }
  },
  "Accept": {
    "1": {
      "name": "ok",
      "type": "bool"
    },
    "2": {
      "name": "why",
      "type": "string"
    },
    "3": {
      "name": "retryMs",
      "type": "uint32"
    }
  },
  "Job": {
    "1": {
      "name": "award",
      "type": "bytes"
    },
    "2": {
      "name": "epoch",
      "type": "uint32"
    },
    "3": {
      "name": "seq",
      "type": "uint53"
    },
    "4": {
      "name": "attempt",
      "type": "uint32"
    },
    "5": {
      "name": "rungs",
      "type": "Rung",
      "many": true
    },
    "6": {
      "name": "initLen",
      "type": "uint32"
    },
    "7": {
      "name": "mediaLen",
      "type": "uint32"
    },
    "8": {
      "name": "initHash",
      "type": "bytes"
    },
    "9": {
      "name": "mediaHash",
      "type": "bytes"
    },
    "10": {
      "name": "frames",
      "type": "uint32"
    },
    "11": {
      "name": "startUs",
      "type": "uint53"
    },
    "12": {
      "name": "durationUs",
      "type": "uint53"
    },
    "13": {
      "name": "deadlineMs",
      "type": "uint32"
    },
    "14": {
      "name": "codec",
      "type": "string"
    },
    "15": {
      "name": "open",
      "type": "bool"
    },
    "16": {
      "name": "checkPpm",
      "type": "uint32"
    }
  },
  "JobEnd": {
    "1": {
      "name": "mediaLen",
      "type": "uint32"
    },
    "2": {
      "name": "mediaHash",
      "type": "bytes"
    }
  },
  "JobReply": {
    "1": {
      "name": "progress",
      "type": "Progress"
    },
    "2": {
      "name": "receipt",
      "type": "bytes"
    },
    "3": {
      "name": "failure",
      "type": "Failure"
    }
  },
  "Progress": {
    "1": {
      "name": "frames",
      "type": "uint32"
    },
    "2": {
      "name": "queueMs",
      "type": "uint32"
    },
    "3": {
      "name": "pieces",
      "type": "Piece",
      "many": true
    }
  },
  "Piece": {
    "1": {
      "name": "rung",
      "type": "uint32"
    },
    "2": {
      "name": "head",
      "type": "bool"
    },
    "3": {
      "name": "at",
      "type": "uint32"
    },
    "4": {
      "name": "len",
      "type": "uint32"
    }
  },
  "Failure": {
    "1": {
      "name": "code",
      "type": "string"
    },
    "2": {
      "name": "message",
      "type": "string"
    }
  },
  "Rendition": {
    "1": {
      "name": "rung",
      "type": "string"
    },
    "2": {
      "name": "initHash",
      "type": "bytes"
    },
    "3": {
      "name": "mediaHash",
      "type": "bytes"
    },
    "4": {
      "name": "initLen",
      "type": "uint32"
    },
    "5": {
      "name": "mediaLen",
      "type": "uint32"
    },
    "6": {
      "name": "frames",
      "type": "uint32"
    }
  },
  "Receipt": {
    "1": {
      "name": "award",
      "type": "bytes"
    },
    "2": {
      "name": "epoch",
      "type": "uint32"
    },
    "3": {
      "name": "seq",
      "type": "uint53"
    },
    "4": {
      "name": "sourceHash",
      "type": "bytes"
    },
    "5": {
      "name": "renditions",
      "type": "Rendition",
      "many": true
    },
    "6": {
      "name": "encodeMs",
      "type": "uint32"
    },
    "7": {
      "name": "hardware",
      "type": "string"
    },
    "8": {
      "name": "stream",
      "type": "bytes"
    }
  },
  "Verdict": {
    "1": {
      "name": "award",
      "type": "bytes"
    },
    "2": {
      "name": "epoch",
      "type": "uint32"
    },
    "3": {
      "name": "seq",
      "type": "uint53"
    },
    "4": {
      "name": "ok",
      "type": "bool"
    },
    "5": {
      "name": "failed",
      "type": "string",
      "many": true
    },
    "6": {
      "name": "voucher",
      "type": "Voucher"
    }
  },
  "Voucher": {
    "1": {
      "name": "pot",
      "type": "bytes"
    },
    "2": {
      "name": "lane",
      "type": "uint32"
    },
    "3": {
      "name": "cumulative",
      "type": "bytes"
    },
    "4": {
      "name": "signature",
      "type": "bytes"
    }
  },
  "VerdictReply": {
    "1": {
      "name": "ok",
      "type": "bool"
    },
    "2": {
      "name": "why",
      "type": "string"
    },
    "3": {
      "name": "held",
      "type": "Voucher"
    }
  },
  "Delegate": {
    "1": {
      "name": "pot",
      "type": "Pot"
    },
    "2": {
      "name": "payee",
      "type": "bytes"
    },
    "3": {
      "name": "voucher",
      "type": "Voucher"
    }
  },
  "DelegateReply": {
    "1": {
      "name": "ok",
      "type": "bool"
    },
    "2": {
      "name": "why",
      "type": "string"
    }
  },
  "Cancel": {
    "1": {
      "name": "award",
      "type": "bytes"
    },
    "2": {
      "name": "epoch",
      "type": "uint32"
    },
    "3": {
      "name": "seq",
      "type": "uint53"
    },
    "4": {
      "name": "why",
      "type": "string"
    }
  },
  "Bye": {
    "1": {
      "name": "why",
      "type": "string"
    },
    "2": {
      "name": "finishing",
      "type": "bool"
    },
    "3": {
      "name": "award",
      "type": "bytes"
    }
  },
  "Get": {
    "1": {
      "name": "hash",
      "type": "bytes"
    }
  },
  "GetReply": {
    "1": {
      "name": "ok",
      "type": "bool"
    },
    "2": {
      "name": "why",
      "type": "string"
    },
    "3": {
      "name": "size",
      "type": "uint32"
    }
  },
  "Holder": {
    "1": {
      "name": "peer",
      "type": "string"
    },
    "2": {
      "name": "addrs",
      "type": "string",
      "many": true
    }
  },
  "Track": {
    "1": {
      "name": "name",
      "type": "string"
    },
    "2": {
      "name": "codecs",
      "type": "string"
    },
    "3": {
      "name": "initHash",
      "type": "bytes"
    },
    "4": {
      "name": "mediaHash",
      "type": "bytes"
    },
    "5": {
      "name": "initLen",
      "type": "uint32"
    },
    "6": {
      "name": "mediaLen",
      "type": "uint32"
    },
    "7": {
      "name": "frames",
      "type": "uint32"
    },
    "8": {
      "name": "holders",
      "type": "uint32",
      "many": true
    },
    "9": {
      "name": "gap",
      "type": "bool"
    }
  },
  "Entry": {
    "1": {
      "name": "stream",
      "type": "bytes"
    },
    "2": {
      "name": "seq",
      "type": "uint53"
    },
    "3": {
      "name": "startUs",
      "type": "uint53"
    },
    "4": {
      "name": "durationUs",
      "type": "uint53"
    },
    "5": {
      "name": "capturedMs",
      "type": "uint53"
    },
    "6": {
      "name": "holders",
      "type": "Holder",
      "many": true
    },
    "7": {
      "name": "tracks",
      "type": "Track",
      "many": true
    },
    "8": {
      "name": "broadcaster",
      "type": "string"
    }
  },
  "ManifestRequest": {
    "1": {
      "name": "stream",
      "type": "bytes"
    },
    "2": {
      "name": "from",
      "type": "uint53"
    },
    "3": {
      "name": "most",
      "type": "uint32"
    }
  },
  "ManifestReply": {
    "1": {
      "name": "announce",
      "type": "bytes"
    },
    "2": {
      "name": "entries",
      "type": "bytes",
      "many": true
    }
  },
  "Hold": {
    "1": {
      "name": "award",
      "type": "bytes"
    },
    "2": {
      "name": "epoch",
      "type": "uint32"
    },
    "3": {
      "name": "seq",
      "type": "uint53"
    },
    "4": {
      "name": "initLen",
      "type": "uint32"
    },
    "5": {
      "name": "mediaLen",
      "type": "uint32"
    },
    "6": {
      "name": "initHash",
      "type": "bytes"
    },
    "7": {
      "name": "mediaHash",
      "type": "bytes"
    }
  },
  "HoldReply": {
    "1": {
      "name": "ok",
      "type": "bool"
    },
    "2": {
      "name": "why",
      "type": "string"
    }
  },
  "Complaint": {
    "1": {
      "name": "stream",
      "type": "bytes"
    },
    "2": {
      "name": "seq",
      "type": "uint53"
    },
    "3": {
      "name": "track",
      "type": "string"
    },
    "4": {
      "name": "holder",
      "type": "string"
    },
    "5": {
      "name": "fault",
      "type": "string"
    },
    "6": {
      "name": "viewer",
      "type": "string"
    },
    "7": {
      "name": "nonce",
      "type": "uint53"
    }
  },
  "Equivocation": {
    "1": {
      "name": "first",
      "type": "bytes"
    },
    "2": {
      "name": "second",
      "type": "bytes"
    }
  },
  "Check": {
    "1": {
      "name": "seq",
      "type": "uint53"
    },
    "2": {
      "name": "receipt",
      "type": "bytes"
    },
    "3": {
      "name": "ppm",
      "type": "uint32"
    },
    "4": {
      "name": "checked",
      "type": "bool"
    }
  },
  "Reveal": {
    "1": {
      "name": "stream",
      "type": "bytes"
    },
    "2": {
      "name": "seed",
      "type": "bytes"
    },
    "3": {
      "name": "worker",
      "type": "string"
    },
    "4": {
      "name": "checks",
      "type": "Check",
      "many": true
    }
  },
  "PeersRequest": {
    "1": {
      "name": "most",
      "type": "uint32"
    }
  },
  "Known": {
    "1": {
      "name": "peer",
      "type": "string"
    },
    "2": {
      "name": "relays",
      "type": "string",
      "many": true
    }
  },
  "Population": {
    "1": {
      "name": "topic",
      "type": "string"
    },
    "2": {
      "name": "here",
      "type": "uint32"
    },
    "3": {
      "name": "all",
      "type": "uint32"
    }
  },
  "PeersReply": {
    "1": {
      "name": "peers",
      "type": "Known",
      "many": true
    },
    "2": {
      "name": "relays",
      "type": "string",
      "many": true
    },
    "3": {
      "name": "populations",
      "type": "Population",
      "many": true
    }
  },
  "LiveRequest": {
    "1": {
      "name": "streams",
      "type": "bytes",
      "many": true
    },
    "2": {
      "name": "from",
      "type": "uint32"
    },
    "3": {
      "name": "most",
      "type": "uint32"
    }
  },
  "LiveReply": {
    "1": {
      "name": "announces",
      "type": "bytes",
      "many": true
    },
    "2": {
      "name": "total",
      "type": "uint32"
    }
  },
  "PrivateAnnounce": {
    "1": {
      "name": "stream",
      "type": "bytes"
    },
    "2": {
      "name": "broadcaster",
      "type": "string"
    },
    "3": {
      "name": "atMs",
      "type": "uint53"
    },
    "4": {
      "name": "ended",
      "type": "bool"
    },
    "5": {
      "name": "box",
      "type": "bytes"
    }
  },
  "PrivateEntry": {
    "1": {
      "name": "stream",
      "type": "bytes"
    },
    "2": {
      "name": "broadcaster",
      "type": "string"
    },
    "3": {
      "name": "seq",
      "type": "uint53"
    },
    "4": {
      "name": "box",
      "type": "bytes"
    }
  },
  "PrivateOffer": {
    "1": {
      "name": "stream",
      "type": "bytes"
    },
    "2": {
      "name": "broadcaster",
      "type": "string"
    },
    "3": {
      "name": "atMs",
      "type": "uint53"
    },
    "4": {
      "name": "ttlMs",
      "type": "uint32"
    },
    "5": {
      "name": "box",
      "type": "bytes"
    }
  }
}
