/**
 * The callback through which Node.js lets JavaScript choose the key of each ticket (RFC 5077 section 4). All versions
 * from 20 to 26 have it, and none documents it. Only this file uses it.
 */

import { constants, randomFillSync } from 'node:crypto'
import { secretBytes } from '../util/secret-bytes.js'
import { setImmediate } from '../util/time.js'
import type { NativeContext } from './tls-internals.js'

/** What becomes of a ticket that a client offers. */
export type TicketVerdict = 'reject' | 'accept' | 'accept-and-renew'

/** Where the keys come from. Both functions may throw. */
export interface TicketKeySource {
  /** Copies name and secrets of the active key, 48 bytes, into `key`. Returns false to hand out no ticket. */
  seal(key: Uint8Array): boolean
  /** Copies the secrets of the key of that name, 32 bytes, into `secrets`, unless it rejects the ticket. */
  open(name: Uint8Array, secrets: Uint8Array): TicketVerdict
}

/** The numbers that OpenSSL knows the verdicts by (SSL_CTX_set_tlsext_ticket_key_evp_cb(3)). */
const OUTCOMES = { reject: 0, accept: 1, 'accept-and-renew': 2 } as const

type Answer = [outcome: number, mac: Buffer, cipher: Buffer, name?: Buffer, iv?: Buffer]

interface HookedContext extends NativeContext {
  onticketkeycallback?(name: Buffer, iv: Buffer, isSealing: boolean): Answer
  enableTicketKeyCallback?(): void
}

const KEY_LENGTH = 48
const NAME_LENGTH = 16

// One buffer for all tickets of the thread: Node.js copies the key before any other JavaScript runs.
const key = secretBytes(KEY_LENGTH)
const name = key.subarray(0, NAME_LENGTH)
const secrets = key.subarray(NAME_LENGTH)
const mac = key.subarray(16, 32)
const cipher = key.subarray(32)

const IV_LENGTH = 16
/** Asking the system for one at a time would cost more than the rest of a ticket. */
const ivs = Buffer.allocUnsafeSlow(256 * IV_LENGTH)
let nextIv = ivs.length

/** Returns random bytes that no other ticket has: AES-CBC needs unpredictable ones (NIST SP 800-38A appendix C). */
function freshIv(): Buffer<ArrayBuffer> {
  if (nextIv === ivs.length) {
    randomFillSync(ivs)
    nextIv = 0
  }
  nextIv += IV_LENGTH
  return ivs.subarray(nextIv - IV_LENGTH, nextIv)
}

/** True if this Node.js has the callback. */
export function canChooseTicketKeys(context: NativeContext): boolean {
  return typeof (context as HookedContext).enableTicketKeyCallback === 'function'
}

/** Takes the keys of all tickets of a context from `source`, from now on. */
export function chooseTicketKeys(context: NativeContext, source: TicketKeySource): void {
  const hooked = context as HookedContext
  hooked.onticketkeycallback = (wanted, _iv, isSealing) => (isSealing ? seal(source) : open(source, wanted))
  hooked.enableTicketKeyCallback?.()
}

/** Has a context hand out no tickets and accept none, from now on. */
export function refuseTickets(context: NativeContext): void {
  if (canChooseTicketKeys(context)) chooseTicketKeys(context, NO_KEYS)
  else context.setOptions?.(constants.SSL_OP_NO_TICKET)
}

const NO_KEYS: TicketKeySource = { seal: () => false, open: () => 'reject' }

/**
 * Gives a context back to Node's own ticket keys, after `chooseTicketKeys` or `refuseTickets`. The callback cannot be
 * removed, so it does what Node.js does without one.
 */
export function useTicketKeysOfNode(context: NativeContext): void {
  if ((context as HookedContext).onticketkeycallback) chooseTicketKeys(context, ticketKeysOfNode(context))
}

/** The keys that Node.js itself would use for a context: `setTicketKeys()` changes them, and `cluster` shares them. */
export function ticketKeysOfNode(context: NativeContext): TicketKeySource {
  return {
    seal: out => copyTicketKeysOfNode(context, out),
    open(wanted, out) {
      const keys = secretBytes(KEY_LENGTH)
      const isKnown = copyTicketKeysOfNode(context, keys) && keys.subarray(0, NAME_LENGTH).equals(wanted)
      if (isKnown) out.set(keys.subarray(NAME_LENGTH))
      keys.fill(0)
      return isKnown ? 'accept' : 'reject'
    },
  }
}

/** Copies Node's own keys of a context into the 48 bytes of `out`. Returns false where Node.js does not hand them out. */
export function copyTicketKeysOfNode(context: NativeContext, out: Uint8Array): boolean {
  const keys = context.getTicketKeys?.()
  if (keys?.length !== KEY_LENGTH) return false
  out.set(keys)
  keys.fill(0)
  return true
}

// A throw, or an answer without keys, would fail the handshake, and would end the process on some versions. Without a
// ticket the handshake goes on.

function seal(source: TicketKeySource): Answer {
  let isSealed = false
  let iv = ivs.subarray(0, IV_LENGTH)
  try {
    iv = freshIv()
    isSealed = source.seal(key)
  } catch {}
  wipeSoon()
  return [OUTCOMES[isSealed ? 'accept' : 'reject'], mac, cipher, name, iv]
}

function open(source: TicketKeySource, wanted: Buffer): Answer {
  let verdict: TicketVerdict = 'reject'
  try {
    verdict = source.open(wanted, secrets)
  } catch {}
  wipeSoon()
  return [OUTCOMES[verdict], mac, cipher]
}

let isWipePending = false

/** Wipes the key after Node.js has read it, which it does after microtasks have run and before immediates. */
function wipeSoon(): void {
  if (isWipePending) return
  isWipePending = true
  setImmediate(() => {
    isWipePending = false
    key.fill(0)
  }).unref()
}
