// Written by scripts/generate.ts from proto/tabcast.proto. Do not edit.
import { message } from 'protons-runtime'
import type { Codec } from 'protons-runtime'

function * unstreamed (): Generator<never> {
  throw new Error('streaming is not generated')
}

export interface Envelope {
  kind: string
  signer: Uint8Array<ArrayBuffer>
  payload: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

let ownEnvelope: Codec<Envelope> | undefined
export const Envelope = {
  codec: (): Codec<Envelope> => {
    ownEnvelope ??= message<Envelope>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.kind != null && obj.kind !== '')) {
          w.uint32(10)
          w.string(obj.kind)
        }

        if ((obj.signer != null && obj.signer.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.signer)
        }

        if ((obj.payload != null && obj.payload.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.payload)
        }

        if ((obj.signature != null && obj.signature.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.signature)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          kind: '',
          signer: new Uint8Array(0),
          payload: new Uint8Array(0),
          signature: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.kind = reader.string()
              break
            }
            case 2: {
              obj.signer = reader.bytes()
              break
            }
            case 3: {
              obj.payload = reader.bytes()
              break
            }
            case 4: {
              obj.signature = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownEnvelope
  }
}

export interface Rung {
  name: string
  width: number
  height: number
  bitrate: number
}

let ownRung: Codec<Rung> | undefined
export const Rung = {
  codec: (): Codec<Rung> => {
    ownRung ??= message<Rung>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.width != null && obj.width !== 0)) {
          w.uint32(16)
          w.uint32(obj.width)
        }

        if ((obj.height != null && obj.height !== 0)) {
          w.uint32(24)
          w.uint32(obj.height)
        }

        if ((obj.bitrate != null && obj.bitrate !== 0)) {
          w.uint32(32)
          w.uint32(obj.bitrate)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          width: 0,
          height: 0,
          bitrate: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.width = reader.uint32()
              break
            }
            case 3: {
              obj.height = reader.uint32()
              break
            }
            case 4: {
              obj.bitrate = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownRung
  }
}

export interface Announce {
  stream: Uint8Array<ArrayBuffer>
  broadcaster: string
  addrs: string[]
  title: string
  codec: string
  segmentMs: number
  rungs: Rung[]
  source?: Rung
  audio: boolean
  startedMs: number
  newest: number
  ended: boolean
  atMs: number
  unlisted?: boolean
}

let ownAnnounce: Codec<Announce> | undefined
export const Announce = {
  codec: (): Codec<Announce> => {
    ownAnnounce ??= message<Announce>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.stream)
        }

        if ((obj.broadcaster != null && obj.broadcaster !== '')) {
          w.uint32(18)
          w.string(obj.broadcaster)
        }

        if (obj.addrs != null && obj.addrs.length > 0) {
          for (const value of obj.addrs) {
            w.uint32(26)
            w.string(value)
          }
        }

        if ((obj.title != null && obj.title !== '')) {
          w.uint32(34)
          w.string(obj.title)
        }

        if ((obj.codec != null && obj.codec !== '')) {
          w.uint32(42)
          w.string(obj.codec)
        }

        if ((obj.segmentMs != null && obj.segmentMs !== 0)) {
          w.uint32(48)
          w.uint32(obj.segmentMs)
        }

        if (obj.rungs != null && obj.rungs.length > 0) {
          for (const value of obj.rungs) {
            w.uint32(58)
            Rung.codec().encode(value, w)
          }
        }

        if (obj.source != null) {
          w.uint32(66)
          Rung.codec().encode(obj.source, w)
        }

        if ((obj.audio != null && obj.audio !== false)) {
          w.uint32(72)
          w.bool(obj.audio)
        }

        if ((obj.startedMs != null && obj.startedMs !== 0)) {
          w.uint32(80)
          w.uint64Number(obj.startedMs)
        }

        if ((obj.newest != null && obj.newest !== 0)) {
          w.uint32(88)
          w.uint64Number(obj.newest)
        }

        if ((obj.ended != null && obj.ended !== false)) {
          w.uint32(96)
          w.bool(obj.ended)
        }

        if ((obj.atMs != null && obj.atMs !== 0)) {
          w.uint32(104)
          w.uint64Number(obj.atMs)
        }

        if (obj.unlisted != null) {
          w.uint32(112)
          w.bool(obj.unlisted)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          stream: new Uint8Array(0),
          broadcaster: '',
          addrs: [],
          title: '',
          codec: '',
          segmentMs: 0,
          rungs: [],
          audio: false,
          startedMs: 0,
          newest: 0,
          ended: false,
          atMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.stream = reader.bytes()
              break
            }
            case 2: {
              obj.broadcaster = reader.string()
              break
            }
            case 3: {
              obj.addrs.push(reader.string())
              break
            }
            case 4: {
              obj.title = reader.string()
              break
            }
            case 5: {
              obj.codec = reader.string()
              break
            }
            case 6: {
              obj.segmentMs = reader.uint32()
              break
            }
            case 7: {
              obj.rungs.push(Rung.codec().decode(reader, reader.uint32()))
              break
            }
            case 8: {
              obj.source = Rung.codec().decode(reader, reader.uint32())
              break
            }
            case 9: {
              obj.audio = reader.bool()
              break
            }
            case 10: {
              obj.startedMs = reader.uint64Number()
              break
            }
            case 11: {
              obj.newest = reader.uint64Number()
              break
            }
            case 12: {
              obj.ended = reader.bool()
              break
            }
            case 13: {
              obj.atMs = reader.uint64Number()
              break
            }
            case 14: {
              obj.unlisted = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownAnnounce
  }
}

export interface Pot {
  chainId: number
  contract: Uint8Array<ArrayBuffer>
  payer: Uint8Array<ArrayBuffer>
  signer: Uint8Array<ArrayBuffer>
  token: Uint8Array<ArrayBuffer>
  challengeS: number
  salt: Uint8Array<ArrayBuffer>
}

let ownPot: Codec<Pot> | undefined
export const Pot = {
  codec: (): Codec<Pot> => {
    ownPot ??= message<Pot>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.chainId != null && obj.chainId !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.chainId)
        }

        if ((obj.contract != null && obj.contract.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.contract)
        }

        if ((obj.payer != null && obj.payer.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.payer)
        }

        if ((obj.signer != null && obj.signer.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.signer)
        }

        if ((obj.token != null && obj.token.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.token)
        }

        if ((obj.challengeS != null && obj.challengeS !== 0)) {
          w.uint32(48)
          w.uint64Number(obj.challengeS)
        }

        if ((obj.salt != null && obj.salt.byteLength > 0)) {
          w.uint32(58)
          w.bytes(obj.salt)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          chainId: 0,
          contract: new Uint8Array(0),
          payer: new Uint8Array(0),
          signer: new Uint8Array(0),
          token: new Uint8Array(0),
          challengeS: 0,
          salt: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.chainId = reader.uint64Number()
              break
            }
            case 2: {
              obj.contract = reader.bytes()
              break
            }
            case 3: {
              obj.payer = reader.bytes()
              break
            }
            case 4: {
              obj.signer = reader.bytes()
              break
            }
            case 5: {
              obj.token = reader.bytes()
              break
            }
            case 6: {
              obj.challengeS = reader.uint64Number()
              break
            }
            case 7: {
              obj.salt = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownPot
  }
}

export interface Offer {
  id: Uint8Array<ArrayBuffer>
  stream: Uint8Array<ArrayBuffer>
  broadcaster: string
  addrs: string[]
  sourceCodec: string
  width: number
  height: number
  fpsMilli: number
  sourceBitrate: number
  codec: string
  rungs: Rung[]
  segmentMs: number
  slackMs: number
  wanted: number
  pot?: Pot
  window: number
  ttlMs: number
  atMs: number
  seedCommit: Uint8Array<ArrayBuffer>
  need: string[]
  crew: Uint8Array<ArrayBuffer>
  maxPrice: bigint
}

let ownOffer: Codec<Offer> | undefined
export const Offer = {
  codec: (): Codec<Offer> => {
    ownOffer ??= message<Offer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.id)
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.stream)
        }

        if ((obj.broadcaster != null && obj.broadcaster !== '')) {
          w.uint32(26)
          w.string(obj.broadcaster)
        }

        if (obj.addrs != null && obj.addrs.length > 0) {
          for (const value of obj.addrs) {
            w.uint32(34)
            w.string(value)
          }
        }

        if ((obj.sourceCodec != null && obj.sourceCodec !== '')) {
          w.uint32(42)
          w.string(obj.sourceCodec)
        }

        if ((obj.width != null && obj.width !== 0)) {
          w.uint32(48)
          w.uint32(obj.width)
        }

        if ((obj.height != null && obj.height !== 0)) {
          w.uint32(56)
          w.uint32(obj.height)
        }

        if ((obj.fpsMilli != null && obj.fpsMilli !== 0)) {
          w.uint32(64)
          w.uint32(obj.fpsMilli)
        }

        if ((obj.sourceBitrate != null && obj.sourceBitrate !== 0)) {
          w.uint32(72)
          w.uint32(obj.sourceBitrate)
        }

        if ((obj.codec != null && obj.codec !== '')) {
          w.uint32(82)
          w.string(obj.codec)
        }

        if (obj.rungs != null && obj.rungs.length > 0) {
          for (const value of obj.rungs) {
            w.uint32(90)
            Rung.codec().encode(value, w)
          }
        }

        if ((obj.segmentMs != null && obj.segmentMs !== 0)) {
          w.uint32(96)
          w.uint32(obj.segmentMs)
        }

        if ((obj.slackMs != null && obj.slackMs !== 0)) {
          w.uint32(104)
          w.uint32(obj.slackMs)
        }

        if ((obj.wanted != null && obj.wanted !== 0)) {
          w.uint32(120)
          w.uint32(obj.wanted)
        }

        if (obj.pot != null) {
          w.uint32(130)
          Pot.codec().encode(obj.pot, w)
        }

        if ((obj.window != null && obj.window !== 0)) {
          w.uint32(136)
          w.uint32(obj.window)
        }

        if ((obj.ttlMs != null && obj.ttlMs !== 0)) {
          w.uint32(144)
          w.uint32(obj.ttlMs)
        }

        if ((obj.atMs != null && obj.atMs !== 0)) {
          w.uint32(152)
          w.uint64Number(obj.atMs)
        }

        if ((obj.seedCommit != null && obj.seedCommit.byteLength > 0)) {
          w.uint32(162)
          w.bytes(obj.seedCommit)
        }

        if (obj.need != null && obj.need.length > 0) {
          for (const value of obj.need) {
            w.uint32(170)
            w.string(value)
          }
        }

        if ((obj.crew != null && obj.crew.byteLength > 0)) {
          w.uint32(178)
          w.bytes(obj.crew)
        }

        if ((obj.maxPrice != null && obj.maxPrice !== 0n)) {
          w.uint32(184)
          w.uint64(obj.maxPrice)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: new Uint8Array(0),
          stream: new Uint8Array(0),
          broadcaster: '',
          addrs: [],
          sourceCodec: '',
          width: 0,
          height: 0,
          fpsMilli: 0,
          sourceBitrate: 0,
          codec: '',
          rungs: [],
          segmentMs: 0,
          slackMs: 0,
          wanted: 0,
          window: 0,
          ttlMs: 0,
          atMs: 0,
          seedCommit: new Uint8Array(0),
          need: [],
          crew: new Uint8Array(0),
          maxPrice: 0n
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.id = reader.bytes()
              break
            }
            case 2: {
              obj.stream = reader.bytes()
              break
            }
            case 3: {
              obj.broadcaster = reader.string()
              break
            }
            case 4: {
              obj.addrs.push(reader.string())
              break
            }
            case 5: {
              obj.sourceCodec = reader.string()
              break
            }
            case 6: {
              obj.width = reader.uint32()
              break
            }
            case 7: {
              obj.height = reader.uint32()
              break
            }
            case 8: {
              obj.fpsMilli = reader.uint32()
              break
            }
            case 9: {
              obj.sourceBitrate = reader.uint32()
              break
            }
            case 10: {
              obj.codec = reader.string()
              break
            }
            case 11: {
              obj.rungs.push(Rung.codec().decode(reader, reader.uint32()))
              break
            }
            case 12: {
              obj.segmentMs = reader.uint32()
              break
            }
            case 13: {
              obj.slackMs = reader.uint32()
              break
            }
            case 15: {
              obj.wanted = reader.uint32()
              break
            }
            case 16: {
              obj.pot = Pot.codec().decode(reader, reader.uint32())
              break
            }
            case 17: {
              obj.window = reader.uint32()
              break
            }
            case 18: {
              obj.ttlMs = reader.uint32()
              break
            }
            case 19: {
              obj.atMs = reader.uint64Number()
              break
            }
            case 20: {
              obj.seedCommit = reader.bytes()
              break
            }
            case 21: {
              obj.need.push(reader.string())
              break
            }
            case 22: {
              obj.crew = reader.bytes()
              break
            }
            case 23: {
              obj.maxPrice = reader.uint64()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownOffer
  }
}

export interface Closed {
  offer: Uint8Array<ArrayBuffer>
  stream: Uint8Array<ArrayBuffer>
  broadcaster: string
}

let ownClosed: Codec<Closed> | undefined
export const Closed = {
  codec: (): Codec<Closed> => {
    ownClosed ??= message<Closed>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.offer != null && obj.offer.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.offer)
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.stream)
        }

        if ((obj.broadcaster != null && obj.broadcaster !== '')) {
          w.uint32(26)
          w.string(obj.broadcaster)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          offer: new Uint8Array(0),
          stream: new Uint8Array(0),
          broadcaster: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.offer = reader.bytes()
              break
            }
            case 2: {
              obj.stream = reader.bytes()
              break
            }
            case 3: {
              obj.broadcaster = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownClosed
  }
}

export interface Bid {
  offer: Uint8Array<ArrayBuffer>
  worker: string
  payee: Uint8Array<ArrayBuffer>
  lane: number
  pixelsPerS: number
  slots: number
  queueMs: number
  ageMs: number
  tags: string[]
  addrs: string[]
  proof: Uint8Array<ArrayBuffer>
  payeeProof: Uint8Array<ArrayBuffer>
  award: Uint8Array<ArrayBuffer>
  price: bigint
}

let ownBid: Codec<Bid> | undefined
export const Bid = {
  codec: (): Codec<Bid> => {
    ownBid ??= message<Bid>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.offer != null && obj.offer.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.offer)
        }

        if ((obj.worker != null && obj.worker !== '')) {
          w.uint32(18)
          w.string(obj.worker)
        }

        if ((obj.payee != null && obj.payee.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.payee)
        }

        if ((obj.lane != null && obj.lane !== 0)) {
          w.uint32(32)
          w.uint32(obj.lane)
        }

        if ((obj.pixelsPerS != null && obj.pixelsPerS !== 0)) {
          w.uint32(48)
          w.uint64Number(obj.pixelsPerS)
        }

        if ((obj.slots != null && obj.slots !== 0)) {
          w.uint32(56)
          w.uint32(obj.slots)
        }

        if ((obj.queueMs != null && obj.queueMs !== 0)) {
          w.uint32(64)
          w.uint32(obj.queueMs)
        }

        if ((obj.ageMs != null && obj.ageMs !== 0)) {
          w.uint32(72)
          w.uint64Number(obj.ageMs)
        }

        if (obj.tags != null && obj.tags.length > 0) {
          for (const value of obj.tags) {
            w.uint32(82)
            w.string(value)
          }
        }

        if (obj.addrs != null && obj.addrs.length > 0) {
          for (const value of obj.addrs) {
            w.uint32(90)
            w.string(value)
          }
        }

        if ((obj.proof != null && obj.proof.byteLength > 0)) {
          w.uint32(98)
          w.bytes(obj.proof)
        }

        if ((obj.payeeProof != null && obj.payeeProof.byteLength > 0)) {
          w.uint32(106)
          w.bytes(obj.payeeProof)
        }

        if ((obj.award != null && obj.award.byteLength > 0)) {
          w.uint32(114)
          w.bytes(obj.award)
        }

        if ((obj.price != null && obj.price !== 0n)) {
          w.uint32(120)
          w.uint64(obj.price)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          offer: new Uint8Array(0),
          worker: '',
          payee: new Uint8Array(0),
          lane: 0,
          pixelsPerS: 0,
          slots: 0,
          queueMs: 0,
          ageMs: 0,
          tags: [],
          addrs: [],
          proof: new Uint8Array(0),
          payeeProof: new Uint8Array(0),
          award: new Uint8Array(0),
          price: 0n
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.offer = reader.bytes()
              break
            }
            case 2: {
              obj.worker = reader.string()
              break
            }
            case 3: {
              obj.payee = reader.bytes()
              break
            }
            case 4: {
              obj.lane = reader.uint32()
              break
            }
            case 6: {
              obj.pixelsPerS = reader.uint64Number()
              break
            }
            case 7: {
              obj.slots = reader.uint32()
              break
            }
            case 8: {
              obj.queueMs = reader.uint32()
              break
            }
            case 9: {
              obj.ageMs = reader.uint64Number()
              break
            }
            case 10: {
              obj.tags.push(reader.string())
              break
            }
            case 11: {
              obj.addrs.push(reader.string())
              break
            }
            case 12: {
              obj.proof = reader.bytes()
              break
            }
            case 13: {
              obj.payeeProof = reader.bytes()
              break
            }
            case 14: {
              obj.award = reader.bytes()
              break
            }
            case 15: {
              obj.price = reader.uint64()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownBid
  }
}

export interface BidReply {
  ok: boolean
  why: string
  retryMs: number
}

let ownBidReply: Codec<BidReply> | undefined
export const BidReply = {
  codec: (): Codec<BidReply> => {
    ownBidReply ??= message<BidReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.ok != null && obj.ok !== false)) {
          w.uint32(8)
          w.bool(obj.ok)
        }

        if ((obj.why != null && obj.why !== '')) {
          w.uint32(18)
          w.string(obj.why)
        }

        if ((obj.retryMs != null && obj.retryMs !== 0)) {
          w.uint32(24)
          w.uint32(obj.retryMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          ok: false,
          why: '',
          retryMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.ok = reader.bool()
              break
            }
            case 2: {
              obj.why = reader.string()
              break
            }
            case 3: {
              obj.retryMs = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownBidReply
  }
}

export interface Award {
  id: Uint8Array<ArrayBuffer>
  offer: Uint8Array<ArrayBuffer>
  stream: Uint8Array<ArrayBuffer>
  worker: string
  epoch: number
  role: string
  payee: Uint8Array<ArrayBuffer>
  lane: number
  pot?: Pot
  price: bigint
}

let ownAward: Codec<Award> | undefined
export const Award = {
  codec: (): Codec<Award> => {
    ownAward ??= message<Award>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.id != null && obj.id.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.id)
        }

        if ((obj.offer != null && obj.offer.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.offer)
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.stream)
        }

        if ((obj.worker != null && obj.worker !== '')) {
          w.uint32(34)
          w.string(obj.worker)
        }

        if ((obj.epoch != null && obj.epoch !== 0)) {
          w.uint32(40)
          w.uint32(obj.epoch)
        }

        if ((obj.role != null && obj.role !== '')) {
          w.uint32(50)
          w.string(obj.role)
        }

        if ((obj.payee != null && obj.payee.byteLength > 0)) {
          w.uint32(66)
          w.bytes(obj.payee)
        }

        if ((obj.lane != null && obj.lane !== 0)) {
          w.uint32(72)
          w.uint32(obj.lane)
        }

        if (obj.pot != null) {
          w.uint32(82)
          Pot.codec().encode(obj.pot, w)
        }

        if ((obj.price != null && obj.price !== 0n)) {
          w.uint32(88)
          w.uint64(obj.price)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          id: new Uint8Array(0),
          offer: new Uint8Array(0),
          stream: new Uint8Array(0),
          worker: '',
          epoch: 0,
          role: '',
          payee: new Uint8Array(0),
          lane: 0,
          price: 0n
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.id = reader.bytes()
              break
            }
            case 2: {
              obj.offer = reader.bytes()
              break
            }
            case 3: {
              obj.stream = reader.bytes()
              break
            }
            case 4: {
              obj.worker = reader.string()
              break
            }
            case 5: {
              obj.epoch = reader.uint32()
              break
            }
            case 6: {
              obj.role = reader.string()
              break
            }
            case 8: {
              obj.payee = reader.bytes()
              break
            }
            case 9: {
              obj.lane = reader.uint32()
              break
            }
            case 10: {
              obj.pot = Pot.codec().decode(reader, reader.uint32())
              break
            }
            case 11: {
              obj.price = reader.uint64()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownAward
  }
}

export interface Accept {
  ok: boolean
  why: string
  retryMs: number
}

let ownAccept: Codec<Accept> | undefined
export const Accept = {
  codec: (): Codec<Accept> => {
    ownAccept ??= message<Accept>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.ok != null && obj.ok !== false)) {
          w.uint32(8)
          w.bool(obj.ok)
        }

        if ((obj.why != null && obj.why !== '')) {
          w.uint32(18)
          w.string(obj.why)
        }

        if ((obj.retryMs != null && obj.retryMs !== 0)) {
          w.uint32(24)
          w.uint32(obj.retryMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          ok: false,
          why: '',
          retryMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.ok = reader.bool()
              break
            }
            case 2: {
              obj.why = reader.string()
              break
            }
            case 3: {
              obj.retryMs = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownAccept
  }
}

export interface Job {
  award: Uint8Array<ArrayBuffer>
  epoch: number
  seq: number
  attempt: number
  rungs: Rung[]
  initLen: number
  mediaLen: number
  initHash: Uint8Array<ArrayBuffer>
  mediaHash: Uint8Array<ArrayBuffer>
  frames: number
  startUs: number
  durationUs: number
  deadlineMs: number
  codec: string
  checkPpm: number
  open: boolean
}

let ownJob: Codec<Job> | undefined
export const Job = {
  codec: (): Codec<Job> => {
    ownJob ??= message<Job>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.award != null && obj.award.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.award)
        }

        if ((obj.epoch != null && obj.epoch !== 0)) {
          w.uint32(16)
          w.uint32(obj.epoch)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.attempt != null && obj.attempt !== 0)) {
          w.uint32(32)
          w.uint32(obj.attempt)
        }

        if (obj.rungs != null && obj.rungs.length > 0) {
          for (const value of obj.rungs) {
            w.uint32(42)
            Rung.codec().encode(value, w)
          }
        }

        if ((obj.initLen != null && obj.initLen !== 0)) {
          w.uint32(48)
          w.uint32(obj.initLen)
        }

        if ((obj.mediaLen != null && obj.mediaLen !== 0)) {
          w.uint32(56)
          w.uint32(obj.mediaLen)
        }

        if ((obj.initHash != null && obj.initHash.byteLength > 0)) {
          w.uint32(66)
          w.bytes(obj.initHash)
        }

        if ((obj.mediaHash != null && obj.mediaHash.byteLength > 0)) {
          w.uint32(74)
          w.bytes(obj.mediaHash)
        }

        if ((obj.frames != null && obj.frames !== 0)) {
          w.uint32(80)
          w.uint32(obj.frames)
        }

        if ((obj.startUs != null && obj.startUs !== 0)) {
          w.uint32(88)
          w.uint64Number(obj.startUs)
        }

        if ((obj.durationUs != null && obj.durationUs !== 0)) {
          w.uint32(96)
          w.uint64Number(obj.durationUs)
        }

        if ((obj.deadlineMs != null && obj.deadlineMs !== 0)) {
          w.uint32(104)
          w.uint32(obj.deadlineMs)
        }

        if ((obj.codec != null && obj.codec !== '')) {
          w.uint32(114)
          w.string(obj.codec)
        }

        if ((obj.checkPpm != null && obj.checkPpm !== 0)) {
          w.uint32(128)
          w.uint32(obj.checkPpm)
        }

        if ((obj.open != null && obj.open !== false)) {
          w.uint32(120)
          w.bool(obj.open)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          award: new Uint8Array(0),
          epoch: 0,
          seq: 0,
          attempt: 0,
          rungs: [],
          initLen: 0,
          mediaLen: 0,
          initHash: new Uint8Array(0),
          mediaHash: new Uint8Array(0),
          frames: 0,
          startUs: 0,
          durationUs: 0,
          deadlineMs: 0,
          codec: '',
          checkPpm: 0,
          open: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.award = reader.bytes()
              break
            }
            case 2: {
              obj.epoch = reader.uint32()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.attempt = reader.uint32()
              break
            }
            case 5: {
              obj.rungs.push(Rung.codec().decode(reader, reader.uint32()))
              break
            }
            case 6: {
              obj.initLen = reader.uint32()
              break
            }
            case 7: {
              obj.mediaLen = reader.uint32()
              break
            }
            case 8: {
              obj.initHash = reader.bytes()
              break
            }
            case 9: {
              obj.mediaHash = reader.bytes()
              break
            }
            case 10: {
              obj.frames = reader.uint32()
              break
            }
            case 11: {
              obj.startUs = reader.uint64Number()
              break
            }
            case 12: {
              obj.durationUs = reader.uint64Number()
              break
            }
            case 13: {
              obj.deadlineMs = reader.uint32()
              break
            }
            case 14: {
              obj.codec = reader.string()
              break
            }
            case 16: {
              obj.checkPpm = reader.uint32()
              break
            }
            case 15: {
              obj.open = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownJob
  }
}

export interface JobEnd {
  mediaLen: number
  mediaHash: Uint8Array<ArrayBuffer>
}

let ownJobEnd: Codec<JobEnd> | undefined
export const JobEnd = {
  codec: (): Codec<JobEnd> => {
    ownJobEnd ??= message<JobEnd>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.mediaLen != null && obj.mediaLen !== 0)) {
          w.uint32(8)
          w.uint32(obj.mediaLen)
        }

        if ((obj.mediaHash != null && obj.mediaHash.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.mediaHash)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          mediaLen: 0,
          mediaHash: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.mediaLen = reader.uint32()
              break
            }
            case 2: {
              obj.mediaHash = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownJobEnd
  }
}

export interface JobReply {
  progress?: Progress
  receipt?: Uint8Array<ArrayBuffer>
  failure?: Failure
}

let ownJobReply: Codec<JobReply> | undefined
export const JobReply = {
  codec: (): Codec<JobReply> => {
    ownJobReply ??= message<JobReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.progress != null) {
          w.uint32(10)
          Progress.codec().encode(obj.progress, w)
        }

        if (obj.receipt != null) {
          w.uint32(18)
          w.bytes(obj.receipt)
        }

        if (obj.failure != null) {
          w.uint32(26)
          Failure.codec().encode(obj.failure, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.progress = Progress.codec().decode(reader, reader.uint32())
              break
            }
            case 2: {
              obj.receipt = reader.bytes()
              break
            }
            case 3: {
              obj.failure = Failure.codec().decode(reader, reader.uint32())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownJobReply
  }
}

export interface Progress {
  frames: number
  queueMs: number
  pieces: Piece[]
}

let ownProgress: Codec<Progress> | undefined
export const Progress = {
  codec: (): Codec<Progress> => {
    ownProgress ??= message<Progress>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.frames != null && obj.frames !== 0)) {
          w.uint32(8)
          w.uint32(obj.frames)
        }

        if ((obj.queueMs != null && obj.queueMs !== 0)) {
          w.uint32(16)
          w.uint32(obj.queueMs)
        }

        if (obj.pieces != null && obj.pieces.length > 0) {
          for (const value of obj.pieces) {
            w.uint32(26)
            Piece.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          frames: 0,
          queueMs: 0,
          pieces: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.frames = reader.uint32()
              break
            }
            case 2: {
              obj.queueMs = reader.uint32()
              break
            }
            case 3: {
              obj.pieces.push(Piece.codec().decode(reader, reader.uint32()))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownProgress
  }
}

export interface Piece {
  rung: number
  head: boolean
  at: number
  len: number
}

let ownPiece: Codec<Piece> | undefined
export const Piece = {
  codec: (): Codec<Piece> => {
    ownPiece ??= message<Piece>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.rung != null && obj.rung !== 0)) {
          w.uint32(8)
          w.uint32(obj.rung)
        }

        if ((obj.head != null && obj.head !== false)) {
          w.uint32(16)
          w.bool(obj.head)
        }

        if ((obj.at != null && obj.at !== 0)) {
          w.uint32(24)
          w.uint32(obj.at)
        }

        if ((obj.len != null && obj.len !== 0)) {
          w.uint32(32)
          w.uint32(obj.len)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          rung: 0,
          head: false,
          at: 0,
          len: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.rung = reader.uint32()
              break
            }
            case 2: {
              obj.head = reader.bool()
              break
            }
            case 3: {
              obj.at = reader.uint32()
              break
            }
            case 4: {
              obj.len = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownPiece
  }
}

export interface Failure {
  code: string
  message: string
}

let ownFailure: Codec<Failure> | undefined
export const Failure = {
  codec: (): Codec<Failure> => {
    ownFailure ??= message<Failure>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== '')) {
          w.uint32(10)
          w.string(obj.code)
        }

        if ((obj.message != null && obj.message !== '')) {
          w.uint32(18)
          w.string(obj.message)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: '',
          message: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.string()
              break
            }
            case 2: {
              obj.message = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownFailure
  }
}

export interface Rendition {
  rung: string
  initHash: Uint8Array<ArrayBuffer>
  mediaHash: Uint8Array<ArrayBuffer>
  initLen: number
  mediaLen: number
  frames: number
}

let ownRendition: Codec<Rendition> | undefined
export const Rendition = {
  codec: (): Codec<Rendition> => {
    ownRendition ??= message<Rendition>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.rung != null && obj.rung !== '')) {
          w.uint32(10)
          w.string(obj.rung)
        }

        if ((obj.initHash != null && obj.initHash.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.initHash)
        }

        if ((obj.mediaHash != null && obj.mediaHash.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.mediaHash)
        }

        if ((obj.initLen != null && obj.initLen !== 0)) {
          w.uint32(32)
          w.uint32(obj.initLen)
        }

        if ((obj.mediaLen != null && obj.mediaLen !== 0)) {
          w.uint32(40)
          w.uint32(obj.mediaLen)
        }

        if ((obj.frames != null && obj.frames !== 0)) {
          w.uint32(48)
          w.uint32(obj.frames)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          rung: '',
          initHash: new Uint8Array(0),
          mediaHash: new Uint8Array(0),
          initLen: 0,
          mediaLen: 0,
          frames: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.rung = reader.string()
              break
            }
            case 2: {
              obj.initHash = reader.bytes()
              break
            }
            case 3: {
              obj.mediaHash = reader.bytes()
              break
            }
            case 4: {
              obj.initLen = reader.uint32()
              break
            }
            case 5: {
              obj.mediaLen = reader.uint32()
              break
            }
            case 6: {
              obj.frames = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownRendition
  }
}

export interface Receipt {
  award: Uint8Array<ArrayBuffer>
  epoch: number
  seq: number
  sourceHash: Uint8Array<ArrayBuffer>
  renditions: Rendition[]
  encodeMs: number
  hardware: string
  stream: Uint8Array<ArrayBuffer>
}

let ownReceipt: Codec<Receipt> | undefined
export const Receipt = {
  codec: (): Codec<Receipt> => {
    ownReceipt ??= message<Receipt>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.award != null && obj.award.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.award)
        }

        if ((obj.epoch != null && obj.epoch !== 0)) {
          w.uint32(16)
          w.uint32(obj.epoch)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.sourceHash != null && obj.sourceHash.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.sourceHash)
        }

        if (obj.renditions != null && obj.renditions.length > 0) {
          for (const value of obj.renditions) {
            w.uint32(42)
            Rendition.codec().encode(value, w)
          }
        }

        if ((obj.encodeMs != null && obj.encodeMs !== 0)) {
          w.uint32(48)
          w.uint32(obj.encodeMs)
        }

        if ((obj.hardware != null && obj.hardware !== '')) {
          w.uint32(58)
          w.string(obj.hardware)
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(66)
          w.bytes(obj.stream)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          award: new Uint8Array(0),
          epoch: 0,
          seq: 0,
          sourceHash: new Uint8Array(0),
          renditions: [],
          encodeMs: 0,
          hardware: '',
          stream: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.award = reader.bytes()
              break
            }
            case 2: {
              obj.epoch = reader.uint32()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.sourceHash = reader.bytes()
              break
            }
            case 5: {
              obj.renditions.push(Rendition.codec().decode(reader, reader.uint32()))
              break
            }
            case 6: {
              obj.encodeMs = reader.uint32()
              break
            }
            case 7: {
              obj.hardware = reader.string()
              break
            }
            case 8: {
              obj.stream = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownReceipt
  }
}

export interface Verdict {
  award: Uint8Array<ArrayBuffer>
  epoch: number
  seq: number
  ok: boolean
  failed: string[]
  voucher?: Voucher
}

let ownVerdict: Codec<Verdict> | undefined
export const Verdict = {
  codec: (): Codec<Verdict> => {
    ownVerdict ??= message<Verdict>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.award != null && obj.award.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.award)
        }

        if ((obj.epoch != null && obj.epoch !== 0)) {
          w.uint32(16)
          w.uint32(obj.epoch)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.ok != null && obj.ok !== false)) {
          w.uint32(32)
          w.bool(obj.ok)
        }

        if (obj.failed != null && obj.failed.length > 0) {
          for (const value of obj.failed) {
            w.uint32(42)
            w.string(value)
          }
        }

        if (obj.voucher != null) {
          w.uint32(50)
          Voucher.codec().encode(obj.voucher, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          award: new Uint8Array(0),
          epoch: 0,
          seq: 0,
          ok: false,
          failed: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.award = reader.bytes()
              break
            }
            case 2: {
              obj.epoch = reader.uint32()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.ok = reader.bool()
              break
            }
            case 5: {
              obj.failed.push(reader.string())
              break
            }
            case 6: {
              obj.voucher = Voucher.codec().decode(reader, reader.uint32())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownVerdict
  }
}

export interface Voucher {
  pot: Uint8Array<ArrayBuffer>
  lane: number
  cumulative: Uint8Array<ArrayBuffer>
  signature: Uint8Array<ArrayBuffer>
}

let ownVoucher: Codec<Voucher> | undefined
export const Voucher = {
  codec: (): Codec<Voucher> => {
    ownVoucher ??= message<Voucher>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.pot != null && obj.pot.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.pot)
        }

        if ((obj.lane != null && obj.lane !== 0)) {
          w.uint32(16)
          w.uint32(obj.lane)
        }

        if ((obj.cumulative != null && obj.cumulative.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.cumulative)
        }

        if ((obj.signature != null && obj.signature.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.signature)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          pot: new Uint8Array(0),
          lane: 0,
          cumulative: new Uint8Array(0),
          signature: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.pot = reader.bytes()
              break
            }
            case 2: {
              obj.lane = reader.uint32()
              break
            }
            case 3: {
              obj.cumulative = reader.bytes()
              break
            }
            case 4: {
              obj.signature = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownVoucher
  }
}

export interface VerdictReply {
  ok: boolean
  why: string
  held?: Voucher
}

let ownVerdictReply: Codec<VerdictReply> | undefined
export const VerdictReply = {
  codec: (): Codec<VerdictReply> => {
    ownVerdictReply ??= message<VerdictReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.ok != null && obj.ok !== false)) {
          w.uint32(8)
          w.bool(obj.ok)
        }

        if ((obj.why != null && obj.why !== '')) {
          w.uint32(18)
          w.string(obj.why)
        }

        if (obj.held != null) {
          w.uint32(26)
          Voucher.codec().encode(obj.held, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          ok: false,
          why: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.ok = reader.bool()
              break
            }
            case 2: {
              obj.why = reader.string()
              break
            }
            case 3: {
              obj.held = Voucher.codec().decode(reader, reader.uint32())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownVerdictReply
  }
}

export interface Delegate {
  pot?: Pot
  payee: Uint8Array<ArrayBuffer>
  voucher?: Voucher
}

let ownDelegate: Codec<Delegate> | undefined
export const Delegate = {
  codec: (): Codec<Delegate> => {
    ownDelegate ??= message<Delegate>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.pot != null) {
          w.uint32(10)
          Pot.codec().encode(obj.pot, w)
        }

        if ((obj.payee != null && obj.payee.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.payee)
        }

        if (obj.voucher != null) {
          w.uint32(26)
          Voucher.codec().encode(obj.voucher, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          payee: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.pot = Pot.codec().decode(reader, reader.uint32())
              break
            }
            case 2: {
              obj.payee = reader.bytes()
              break
            }
            case 3: {
              obj.voucher = Voucher.codec().decode(reader, reader.uint32())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownDelegate
  }
}

export interface DelegateReply {
  ok: boolean
  why: string
}

let ownDelegateReply: Codec<DelegateReply> | undefined
export const DelegateReply = {
  codec: (): Codec<DelegateReply> => {
    ownDelegateReply ??= message<DelegateReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.ok != null && obj.ok !== false)) {
          w.uint32(8)
          w.bool(obj.ok)
        }

        if ((obj.why != null && obj.why !== '')) {
          w.uint32(18)
          w.string(obj.why)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          ok: false,
          why: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.ok = reader.bool()
              break
            }
            case 2: {
              obj.why = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownDelegateReply
  }
}

export interface Cancel {
  award: Uint8Array<ArrayBuffer>
  epoch: number
  seq: number
  why: string
}

let ownCancel: Codec<Cancel> | undefined
export const Cancel = {
  codec: (): Codec<Cancel> => {
    ownCancel ??= message<Cancel>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.award != null && obj.award.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.award)
        }

        if ((obj.epoch != null && obj.epoch !== 0)) {
          w.uint32(16)
          w.uint32(obj.epoch)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.why != null && obj.why !== '')) {
          w.uint32(34)
          w.string(obj.why)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          award: new Uint8Array(0),
          epoch: 0,
          seq: 0,
          why: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.award = reader.bytes()
              break
            }
            case 2: {
              obj.epoch = reader.uint32()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.why = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownCancel
  }
}

export interface Bye {
  why: string
  finishing: boolean
  award: Uint8Array<ArrayBuffer>
}

let ownBye: Codec<Bye> | undefined
export const Bye = {
  codec: (): Codec<Bye> => {
    ownBye ??= message<Bye>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.why != null && obj.why !== '')) {
          w.uint32(10)
          w.string(obj.why)
        }

        if ((obj.finishing != null && obj.finishing !== false)) {
          w.uint32(16)
          w.bool(obj.finishing)
        }

        if ((obj.award != null && obj.award.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.award)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          why: '',
          finishing: false,
          award: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.why = reader.string()
              break
            }
            case 2: {
              obj.finishing = reader.bool()
              break
            }
            case 3: {
              obj.award = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownBye
  }
}

export interface Get {
  hash: Uint8Array<ArrayBuffer>
}

let ownGet: Codec<Get> | undefined
export const Get = {
  codec: (): Codec<Get> => {
    ownGet ??= message<Get>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.hash != null && obj.hash.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.hash)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          hash: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.hash = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownGet
  }
}

export interface GetReply {
  ok: boolean
  why: string
  size: number
}

let ownGetReply: Codec<GetReply> | undefined
export const GetReply = {
  codec: (): Codec<GetReply> => {
    ownGetReply ??= message<GetReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.ok != null && obj.ok !== false)) {
          w.uint32(8)
          w.bool(obj.ok)
        }

        if ((obj.why != null && obj.why !== '')) {
          w.uint32(18)
          w.string(obj.why)
        }

        if ((obj.size != null && obj.size !== 0)) {
          w.uint32(24)
          w.uint32(obj.size)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          ok: false,
          why: '',
          size: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.ok = reader.bool()
              break
            }
            case 2: {
              obj.why = reader.string()
              break
            }
            case 3: {
              obj.size = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownGetReply
  }
}

export interface Holder {
  peer: string
  addrs: string[]
}

let ownHolder: Codec<Holder> | undefined
export const Holder = {
  codec: (): Codec<Holder> => {
    ownHolder ??= message<Holder>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peer != null && obj.peer !== '')) {
          w.uint32(10)
          w.string(obj.peer)
        }

        if (obj.addrs != null && obj.addrs.length > 0) {
          for (const value of obj.addrs) {
            w.uint32(18)
            w.string(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peer: '',
          addrs: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peer = reader.string()
              break
            }
            case 2: {
              obj.addrs.push(reader.string())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownHolder
  }
}

export interface Track {
  name: string
  codecs: string
  initHash: Uint8Array<ArrayBuffer>
  mediaHash: Uint8Array<ArrayBuffer>
  initLen: number
  mediaLen: number
  frames: number
  holders: number[]
  gap: boolean
}

let ownTrack: Codec<Track> | undefined
export const Track = {
  codec: (): Codec<Track> => {
    ownTrack ??= message<Track>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.codecs != null && obj.codecs !== '')) {
          w.uint32(18)
          w.string(obj.codecs)
        }

        if ((obj.initHash != null && obj.initHash.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.initHash)
        }

        if ((obj.mediaHash != null && obj.mediaHash.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.mediaHash)
        }

        if ((obj.initLen != null && obj.initLen !== 0)) {
          w.uint32(40)
          w.uint32(obj.initLen)
        }

        if ((obj.mediaLen != null && obj.mediaLen !== 0)) {
          w.uint32(48)
          w.uint32(obj.mediaLen)
        }

        if ((obj.frames != null && obj.frames !== 0)) {
          w.uint32(56)
          w.uint32(obj.frames)
        }

        if (obj.holders != null && obj.holders.length > 0) {
          for (const value of obj.holders) {
            w.uint32(64)
            w.uint32(value)
          }
        }

        if ((obj.gap != null && obj.gap !== false)) {
          w.uint32(72)
          w.bool(obj.gap)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          codecs: '',
          initHash: new Uint8Array(0),
          mediaHash: new Uint8Array(0),
          initLen: 0,
          mediaLen: 0,
          frames: 0,
          holders: [],
          gap: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.codecs = reader.string()
              break
            }
            case 3: {
              obj.initHash = reader.bytes()
              break
            }
            case 4: {
              obj.mediaHash = reader.bytes()
              break
            }
            case 5: {
              obj.initLen = reader.uint32()
              break
            }
            case 6: {
              obj.mediaLen = reader.uint32()
              break
            }
            case 7: {
              obj.frames = reader.uint32()
              break
            }
            case 8: {
              obj.holders.push(reader.uint32())
              break
            }
            case 9: {
              obj.gap = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownTrack
  }
}

export interface Entry {
  stream: Uint8Array<ArrayBuffer>
  seq: number
  startUs: number
  durationUs: number
  capturedMs: number
  holders: Holder[]
  tracks: Track[]
  broadcaster: string
}

let ownEntry: Codec<Entry> | undefined
export const Entry = {
  codec: (): Codec<Entry> => {
    ownEntry ??= message<Entry>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.stream)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.seq)
        }

        if ((obj.startUs != null && obj.startUs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.startUs)
        }

        if ((obj.durationUs != null && obj.durationUs !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.durationUs)
        }

        if ((obj.capturedMs != null && obj.capturedMs !== 0)) {
          w.uint32(40)
          w.uint64Number(obj.capturedMs)
        }

        if (obj.holders != null && obj.holders.length > 0) {
          for (const value of obj.holders) {
            w.uint32(50)
            Holder.codec().encode(value, w)
          }
        }

        if (obj.tracks != null && obj.tracks.length > 0) {
          for (const value of obj.tracks) {
            w.uint32(58)
            Track.codec().encode(value, w)
          }
        }

        if ((obj.broadcaster != null && obj.broadcaster !== '')) {
          w.uint32(66)
          w.string(obj.broadcaster)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          stream: new Uint8Array(0),
          seq: 0,
          startUs: 0,
          durationUs: 0,
          capturedMs: 0,
          holders: [],
          tracks: [],
          broadcaster: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.stream = reader.bytes()
              break
            }
            case 2: {
              obj.seq = reader.uint64Number()
              break
            }
            case 3: {
              obj.startUs = reader.uint64Number()
              break
            }
            case 4: {
              obj.durationUs = reader.uint64Number()
              break
            }
            case 5: {
              obj.capturedMs = reader.uint64Number()
              break
            }
            case 6: {
              obj.holders.push(Holder.codec().decode(reader, reader.uint32()))
              break
            }
            case 7: {
              obj.tracks.push(Track.codec().decode(reader, reader.uint32()))
              break
            }
            case 8: {
              obj.broadcaster = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownEntry
  }
}

export interface ManifestRequest {
  stream: Uint8Array<ArrayBuffer>
  from: number
  most: number
}

let ownManifestRequest: Codec<ManifestRequest> | undefined
export const ManifestRequest = {
  codec: (): Codec<ManifestRequest> => {
    ownManifestRequest ??= message<ManifestRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.stream)
        }

        if ((obj.from != null && obj.from !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.from)
        }

        if ((obj.most != null && obj.most !== 0)) {
          w.uint32(24)
          w.uint32(obj.most)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          stream: new Uint8Array(0),
          from: 0,
          most: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.stream = reader.bytes()
              break
            }
            case 2: {
              obj.from = reader.uint64Number()
              break
            }
            case 3: {
              obj.most = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownManifestRequest
  }
}

export interface ManifestReply {
  announce: Uint8Array<ArrayBuffer>
  entries: Uint8Array<ArrayBuffer>[]
}

let ownManifestReply: Codec<ManifestReply> | undefined
export const ManifestReply = {
  codec: (): Codec<ManifestReply> => {
    ownManifestReply ??= message<ManifestReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.announce != null && obj.announce.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.announce)
        }

        if (obj.entries != null && obj.entries.length > 0) {
          for (const value of obj.entries) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          announce: new Uint8Array(0),
          entries: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.announce = reader.bytes()
              break
            }
            case 2: {
              obj.entries.push(reader.bytes())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownManifestReply
  }
}

export interface Hold {
  award: Uint8Array<ArrayBuffer>
  epoch: number
  seq: number
  initLen: number
  mediaLen: number
  initHash: Uint8Array<ArrayBuffer>
  mediaHash: Uint8Array<ArrayBuffer>
}

let ownHold: Codec<Hold> | undefined
export const Hold = {
  codec: (): Codec<Hold> => {
    ownHold ??= message<Hold>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.award != null && obj.award.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.award)
        }

        if ((obj.epoch != null && obj.epoch !== 0)) {
          w.uint32(16)
          w.uint32(obj.epoch)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.initLen != null && obj.initLen !== 0)) {
          w.uint32(32)
          w.uint32(obj.initLen)
        }

        if ((obj.mediaLen != null && obj.mediaLen !== 0)) {
          w.uint32(40)
          w.uint32(obj.mediaLen)
        }

        if ((obj.initHash != null && obj.initHash.byteLength > 0)) {
          w.uint32(50)
          w.bytes(obj.initHash)
        }

        if ((obj.mediaHash != null && obj.mediaHash.byteLength > 0)) {
          w.uint32(58)
          w.bytes(obj.mediaHash)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          award: new Uint8Array(0),
          epoch: 0,
          seq: 0,
          initLen: 0,
          mediaLen: 0,
          initHash: new Uint8Array(0),
          mediaHash: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.award = reader.bytes()
              break
            }
            case 2: {
              obj.epoch = reader.uint32()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.initLen = reader.uint32()
              break
            }
            case 5: {
              obj.mediaLen = reader.uint32()
              break
            }
            case 6: {
              obj.initHash = reader.bytes()
              break
            }
            case 7: {
              obj.mediaHash = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownHold
  }
}

export interface HoldReply {
  ok: boolean
  why: string
}

let ownHoldReply: Codec<HoldReply> | undefined
export const HoldReply = {
  codec: (): Codec<HoldReply> => {
    ownHoldReply ??= message<HoldReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.ok != null && obj.ok !== false)) {
          w.uint32(8)
          w.bool(obj.ok)
        }

        if ((obj.why != null && obj.why !== '')) {
          w.uint32(18)
          w.string(obj.why)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          ok: false,
          why: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.ok = reader.bool()
              break
            }
            case 2: {
              obj.why = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownHoldReply
  }
}

export interface Complaint {
  stream: Uint8Array<ArrayBuffer>
  seq: number
  track: string
  holder: string
  fault: string
  viewer: string
  nonce: number
}

let ownComplaint: Codec<Complaint> | undefined
export const Complaint = {
  codec: (): Codec<Complaint> => {
    ownComplaint ??= message<Complaint>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.stream)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.seq)
        }

        if ((obj.track != null && obj.track !== '')) {
          w.uint32(26)
          w.string(obj.track)
        }

        if ((obj.holder != null && obj.holder !== '')) {
          w.uint32(34)
          w.string(obj.holder)
        }

        if ((obj.fault != null && obj.fault !== '')) {
          w.uint32(42)
          w.string(obj.fault)
        }

        if ((obj.viewer != null && obj.viewer !== '')) {
          w.uint32(50)
          w.string(obj.viewer)
        }

        if ((obj.nonce != null && obj.nonce !== 0)) {
          w.uint32(56)
          w.uint64Number(obj.nonce)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          stream: new Uint8Array(0),
          seq: 0,
          track: '',
          holder: '',
          fault: '',
          viewer: '',
          nonce: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.stream = reader.bytes()
              break
            }
            case 2: {
              obj.seq = reader.uint64Number()
              break
            }
            case 3: {
              obj.track = reader.string()
              break
            }
            case 4: {
              obj.holder = reader.string()
              break
            }
            case 5: {
              obj.fault = reader.string()
              break
            }
            case 6: {
              obj.viewer = reader.string()
              break
            }
            case 7: {
              obj.nonce = reader.uint64Number()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownComplaint
  }
}

export interface Equivocation {
  first: Uint8Array<ArrayBuffer>
  second: Uint8Array<ArrayBuffer>
}

let ownEquivocation: Codec<Equivocation> | undefined
export const Equivocation = {
  codec: (): Codec<Equivocation> => {
    ownEquivocation ??= message<Equivocation>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.first != null && obj.first.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.first)
        }

        if ((obj.second != null && obj.second.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.second)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          first: new Uint8Array(0),
          second: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.first = reader.bytes()
              break
            }
            case 2: {
              obj.second = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownEquivocation
  }
}

export interface Check {
  seq: number
  receipt: Uint8Array<ArrayBuffer>
  ppm: number
  checked: boolean
}

let ownCheck: Codec<Check> | undefined
export const Check = {
  codec: (): Codec<Check> => {
    ownCheck ??= message<Check>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.seq)
        }

        if ((obj.receipt != null && obj.receipt.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.receipt)
        }

        if ((obj.ppm != null && obj.ppm !== 0)) {
          w.uint32(24)
          w.uint32(obj.ppm)
        }

        if ((obj.checked != null && obj.checked !== false)) {
          w.uint32(32)
          w.bool(obj.checked)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          seq: 0,
          receipt: new Uint8Array(0),
          ppm: 0,
          checked: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.seq = reader.uint64Number()
              break
            }
            case 2: {
              obj.receipt = reader.bytes()
              break
            }
            case 3: {
              obj.ppm = reader.uint32()
              break
            }
            case 4: {
              obj.checked = reader.bool()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownCheck
  }
}

export interface Reveal {
  stream: Uint8Array<ArrayBuffer>
  seed: Uint8Array<ArrayBuffer>
  worker: string
  checks: Check[]
}

let ownReveal: Codec<Reveal> | undefined
export const Reveal = {
  codec: (): Codec<Reveal> => {
    ownReveal ??= message<Reveal>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.stream)
        }

        if ((obj.seed != null && obj.seed.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.seed)
        }

        if ((obj.worker != null && obj.worker !== '')) {
          w.uint32(26)
          w.string(obj.worker)
        }

        if (obj.checks != null && obj.checks.length > 0) {
          for (const value of obj.checks) {
            w.uint32(34)
            Check.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          stream: new Uint8Array(0),
          seed: new Uint8Array(0),
          worker: '',
          checks: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.stream = reader.bytes()
              break
            }
            case 2: {
              obj.seed = reader.bytes()
              break
            }
            case 3: {
              obj.worker = reader.string()
              break
            }
            case 4: {
              obj.checks.push(Check.codec().decode(reader, reader.uint32()))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownReveal
  }
}

export interface PeersRequest {
  most: number
}

let ownPeersRequest: Codec<PeersRequest> | undefined
export const PeersRequest = {
  codec: (): Codec<PeersRequest> => {
    ownPeersRequest ??= message<PeersRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.most != null && obj.most !== 0)) {
          w.uint32(8)
          w.uint32(obj.most)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          most: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.most = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownPeersRequest
  }
}

export interface Known {
  peer: string
  relays: string[]
}

let ownKnown: Codec<Known> | undefined
export const Known = {
  codec: (): Codec<Known> => {
    ownKnown ??= message<Known>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peer != null && obj.peer !== '')) {
          w.uint32(10)
          w.string(obj.peer)
        }

        if (obj.relays != null && obj.relays.length > 0) {
          for (const value of obj.relays) {
            w.uint32(18)
            w.string(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peer: '',
          relays: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peer = reader.string()
              break
            }
            case 2: {
              obj.relays.push(reader.string())
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownKnown
  }
}

export interface Population {
  topic: string
  here: number
  all: number
}

let ownPopulation: Codec<Population> | undefined
export const Population = {
  codec: (): Codec<Population> => {
    ownPopulation ??= message<Population>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.topic != null && obj.topic !== '')) {
          w.uint32(10)
          w.string(obj.topic)
        }

        if ((obj.here != null && obj.here !== 0)) {
          w.uint32(16)
          w.uint32(obj.here)
        }

        if ((obj.all != null && obj.all !== 0)) {
          w.uint32(24)
          w.uint32(obj.all)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          topic: '',
          here: 0,
          all: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.topic = reader.string()
              break
            }
            case 2: {
              obj.here = reader.uint32()
              break
            }
            case 3: {
              obj.all = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownPopulation
  }
}

export interface PeersReply {
  peers: Known[]
  relays: string[]
  populations: Population[]
}

let ownPeersReply: Codec<PeersReply> | undefined
export const PeersReply = {
  codec: (): Codec<PeersReply> => {
    ownPeersReply ??= message<PeersReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.peers != null && obj.peers.length > 0) {
          for (const value of obj.peers) {
            w.uint32(10)
            Known.codec().encode(value, w)
          }
        }

        if (obj.relays != null && obj.relays.length > 0) {
          for (const value of obj.relays) {
            w.uint32(18)
            w.string(value)
          }
        }

        if (obj.populations != null && obj.populations.length > 0) {
          for (const value of obj.populations) {
            w.uint32(26)
            Population.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peers: [],
          relays: [],
          populations: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peers.push(Known.codec().decode(reader, reader.uint32()))
              break
            }
            case 2: {
              obj.relays.push(reader.string())
              break
            }
            case 3: {
              obj.populations.push(Population.codec().decode(reader, reader.uint32()))
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownPeersReply
  }
}

export interface LiveRequest {
  streams: Uint8Array<ArrayBuffer>[]
  from: number
  most: number
}

let ownLiveRequest: Codec<LiveRequest> | undefined
export const LiveRequest = {
  codec: (): Codec<LiveRequest> => {
    ownLiveRequest ??= message<LiveRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.streams != null && obj.streams.length > 0) {
          for (const value of obj.streams) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if ((obj.from != null && obj.from !== 0)) {
          w.uint32(16)
          w.uint32(obj.from)
        }

        if ((obj.most != null && obj.most !== 0)) {
          w.uint32(24)
          w.uint32(obj.most)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          streams: [],
          from: 0,
          most: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.streams.push(reader.bytes())
              break
            }
            case 2: {
              obj.from = reader.uint32()
              break
            }
            case 3: {
              obj.most = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownLiveRequest
  }
}

export interface LiveReply {
  announces: Uint8Array<ArrayBuffer>[]
  total: number
}

let ownLiveReply: Codec<LiveReply> | undefined
export const LiveReply = {
  codec: (): Codec<LiveReply> => {
    ownLiveReply ??= message<LiveReply>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.announces != null && obj.announces.length > 0) {
          for (const value of obj.announces) {
            w.uint32(10)
            w.bytes(value)
          }
        }

        if ((obj.total != null && obj.total !== 0)) {
          w.uint32(16)
          w.uint32(obj.total)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          announces: [],
          total: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.announces.push(reader.bytes())
              break
            }
            case 2: {
              obj.total = reader.uint32()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownLiveReply
  }
}

export interface PrivateAnnounce {
  stream: Uint8Array<ArrayBuffer>
  broadcaster: string
  atMs: number
  ended: boolean
  box: Uint8Array<ArrayBuffer>
}

let ownPrivateAnnounce: Codec<PrivateAnnounce> | undefined
export const PrivateAnnounce = {
  codec: (): Codec<PrivateAnnounce> => {
    ownPrivateAnnounce ??= message<PrivateAnnounce>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.stream)
        }

        if ((obj.broadcaster != null && obj.broadcaster !== '')) {
          w.uint32(18)
          w.string(obj.broadcaster)
        }

        if ((obj.atMs != null && obj.atMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.atMs)
        }

        if ((obj.ended != null && obj.ended !== false)) {
          w.uint32(32)
          w.bool(obj.ended)
        }

        if ((obj.box != null && obj.box.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.box)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          stream: new Uint8Array(0),
          broadcaster: '',
          atMs: 0,
          ended: false,
          box: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.stream = reader.bytes()
              break
            }
            case 2: {
              obj.broadcaster = reader.string()
              break
            }
            case 3: {
              obj.atMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.ended = reader.bool()
              break
            }
            case 5: {
              obj.box = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownPrivateAnnounce
  }
}

export interface PrivateEntry {
  stream: Uint8Array<ArrayBuffer>
  broadcaster: string
  seq: number
  box: Uint8Array<ArrayBuffer>
}

let ownPrivateEntry: Codec<PrivateEntry> | undefined
export const PrivateEntry = {
  codec: (): Codec<PrivateEntry> => {
    ownPrivateEntry ??= message<PrivateEntry>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.stream)
        }

        if ((obj.broadcaster != null && obj.broadcaster !== '')) {
          w.uint32(18)
          w.string(obj.broadcaster)
        }

        if ((obj.seq != null && obj.seq !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.seq)
        }

        if ((obj.box != null && obj.box.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.box)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          stream: new Uint8Array(0),
          broadcaster: '',
          seq: 0,
          box: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.stream = reader.bytes()
              break
            }
            case 2: {
              obj.broadcaster = reader.string()
              break
            }
            case 3: {
              obj.seq = reader.uint64Number()
              break
            }
            case 4: {
              obj.box = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownPrivateEntry
  }
}

export interface PrivateOffer {
  stream: Uint8Array<ArrayBuffer>
  broadcaster: string
  atMs: number
  ttlMs: number
  box: Uint8Array<ArrayBuffer>
}

let ownPrivateOffer: Codec<PrivateOffer> | undefined
export const PrivateOffer = {
  codec: (): Codec<PrivateOffer> => {
    ownPrivateOffer ??= message<PrivateOffer>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.stream != null && obj.stream.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.stream)
        }

        if ((obj.broadcaster != null && obj.broadcaster !== '')) {
          w.uint32(18)
          w.string(obj.broadcaster)
        }

        if ((obj.atMs != null && obj.atMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.atMs)
        }

        if ((obj.ttlMs != null && obj.ttlMs !== 0)) {
          w.uint32(32)
          w.uint32(obj.ttlMs)
        }

        if ((obj.box != null && obj.box.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.box)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          stream: new Uint8Array(0),
          broadcaster: '',
          atMs: 0,
          ttlMs: 0,
          box: new Uint8Array(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.stream = reader.bytes()
              break
            }
            case 2: {
              obj.broadcaster = reader.string()
              break
            }
            case 3: {
              obj.atMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.ttlMs = reader.uint32()
              break
            }
            case 5: {
              obj.box = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, unstreamed)
    return ownPrivateOffer
  }
}
