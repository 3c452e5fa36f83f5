/**
 * The hook through which Node lets JavaScript choose the key of each ticket (RFC 5077 section 4). It is in all
 * versions from 20 to 26, and not documented; nothing outside of this file knows of it.
 */

import { constants, randomFillSync } from 'node:crypto'
import { setImmediate } from '../util/time.js'
import type { NativeContext } from './tls-internals.js'

/** Where the keys come from. Both may throw. */
export interface TicketKeySource {
  /** Copies name and secrets of the key that seals, 48 bytes, into `key`; false: no ticket now. */
  seal(key: Uint8Array): boolean
  /** Copies the secrets of the key of that name, 32 bytes, into `secrets`; false: a full handshake. */
  open(name: Uint8Array, secrets: Uint8Array): boolean
}

/** What Node makes of a ticket: nothing, or what its keys give; an old one may be answered with a fresh one. */
const NO_TICKET = 0
const TICKET = 1
const TICKET_AND_RENEWAL = 2

type Answer = [outcome: number, mac: Buffer, cipher: Buffer, name?: Buffer, iv?: Buffer]

interface HookedContext extends NativeContext {
  onticketkeycallback?(name: Buffer, iv: Buffer, isSealing: boolean): Answer
  enableTicketKeyCallback?(): void
}

// One memory for all tickets of the thread: Node copies what it is given before anybody else runs.
const key = Buffer.allocUnsafeSlow(48).fill(0)
const name = key.subarray(0, 16)
const secrets = key.subarray(16)
const mac = key.subarray(16, 32)
const cipher = key.subarray(32)

const IV_LENGTH = 16
/** Asking the system for one at a time would cost more than all the rest of a ticket. */
const ivs = Buffer.allocUnsafeSlow(256 * IV_LENGTH)
let nextIv = ivs.length

/** Random bytes that no other ticket has (AES-CBC takes unpredictable ones, NIST SP 800-38A appendix C). */
function freshIv(): Buffer<ArrayBuffer> {
  if (nextIv === ivs.length) {
    randomFillSync(ivs)
    nextIv = 0
  }
  nextIv += IV_LENGTH
  return ivs.subarray(nextIv - IV_LENGTH, nextIv)
}

/** Whether this Node has the hook. */
export function canChooseTicketKeys(context: NativeContext): boolean {
  return typeof (context as HookedContext).enableTicketKeyCallback === 'function'
}

/** Takes the keys of all tickets of a context from `source`, from now on. */
export function chooseTicketKeys(context: NativeContext, source: TicketKeySource): void {
  const hooked = context as HookedContext
  hooked.onticketkeycallback = (wanted, _iv, isSealing) =>
    isSealing ? sealing(source) : opening(source, wanted)
  hooked.enableTicketKeyCallback?.()
}

/** Has a context hand out no tickets and accept none, from now on. */
export function refuseTickets(context: NativeContext): void {
  if (canChooseTicketKeys(context)) chooseTicketKeys(context, NO_KEYS)
  else context.setOptions?.(constants.SSL_OP_NO_TICKET)
}

const NO_KEYS: TicketKeySource = { seal: () => false, open: () => false }

// Whatever goes wrong: a throw, or an answer without keys, would fail the handshake, and on some versions end the
// process. Without a ticket it goes on.

function sealing(source: TicketKeySource): Answer {
  let outcome = NO_TICKET
  let iv = ivs.subarray(0, IV_LENGTH)
  try {
    iv = freshIv()
    if (source.seal(key)) outcome = TICKET
  } catch {}
  wipeSoon()
  return [outcome, mac, cipher, name, iv]
}

function opening(source: TicketKeySource, wanted: Buffer): Answer {
  let outcome = NO_TICKET
  try {
    // Renewed each time: a TLS 1.3 client uses a ticket once, and Node by itself hands out none on a resumption.
    if (source.open(wanted, secrets)) outcome = TICKET_AND_RENEWAL
  } catch {}
  wipeSoon()
  return [outcome, mac, cipher]
}

let isWipePending = false

/** Not before Node has read the keys, which it does after microtasks have run and before immediates. */
function wipeSoon(): void {
  if (isWipePending) return
  isWipePending = true
  setImmediate(() => {
    isWipePending = false
    key.fill(0)
  }).unref()
}
