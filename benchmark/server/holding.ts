/** Runs in a process of its own for `held.ts`: the events of a server, without handshakes. */
import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { createServer, type Server } from 'node:tls'
import { resumeSessions, SessionCache } from 'tls-resumption'
import tlsSessionCache from 'tls-session-cache'
import { realSession } from '../lib/session.ts'
import type { HeldFigures } from './held.ts'

/** Sessions per turn of the event loop. */
const IN_TURN = 100

const [, , mode = 'nothing', wanted = '1000000'] = process.argv
const SESSIONS = Number(wanted)
const server = createServer()
if (mode === 'tls-session-cache') tlsSessionCache(server, { maxCachedSessions: SESSIONS })
if (mode === 'tls-resumption') {
  resumeSessions(server, { sessionCache: new SessionCache({ max: SESSIONS, maxSize: 2 ** 31 }) })
}

const gc = globalThis.gc as () => void
const session = await realSession()
gc()
const before = process.memoryUsage().rss
await deliver(server)
gc()
const resident = (process.memoryUsage().rss - before) / SESSIONS
const started = performance.now()
gc()
const fullGc = performance.now() - started
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
await deliver(server)
delay.disable()
const figures: HeldFigures = {
  mode,
  sessions: SESSIONS,
  blob: session.length,
  resident,
  fullGc,
  longestDelay: delay.max / 1e6,
}
process.stdout.write(JSON.stringify(figures))

async function deliver(server: Server): Promise<void> {
  for (let i = 0; i < SESSIONS; i++) {
    // The listener may keep both, as in a real handshake.
    const copy = Buffer.from(new Uint8Array(session).buffer)
    server.emit('newSession', randomBytes(32), copy, () => {})
    if (i % IN_TURN === 0) await setImmediate()
  }
}
