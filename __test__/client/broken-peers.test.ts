/** A peer that fails on an offer costs one failed connection of the whole process. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { connect, SessionCache } from 'tls-resumption'
import { outcome } from '../support/outcome.ts'
import { startPeer } from '../support/strict-peer.ts'

for (const version of ['1.2', '1.3']) {
  for (const how of ['close', 'alert']) {
    test(`TLS ${version}: a peer that meets offers with ${how} fails one connection of all threads`, async t => {
      const peer = await startPeer(t, '--version', version, '--when-offered', how)
      const dial = { port: peer.port, host: '127.0.0.1', ca: peer.ca, servername: 'localhost' }
      const visit = async (sessionCache: SessionCache) => {
        const { resumed, refused } = await outcome(connect({ ...dial, sessionCache }))
        return refused ?? (resumed ? 'resumed' : 'full')
      }
      const name = `broken ${process.pid} ${version} ${how}`
      const sessionCache = new SessionCache({ name })
      const results: string[] = []
      for (let n = 0; n < 6; n++) results.push(await visit(sessionCache))
      for (let thread = 0; thread < 2; thread++) {
        const workerData = { ...dial, name, count: 6 }
        const worker = new Worker(new URL('../workers/offers.ts', import.meta.url), { workerData })
        results.push(...(await once(worker, 'message'))[0])
      }
      t.is(results.length, 18)
      t.is(results.filter(each => each !== 'full').length, 1, `${results}`)
    })
  }

  test(`TLS ${version}: a peer that resets on offers fails one connection of all sets of options`, async t => {
    const peer = await startPeer(t, '--version', version, '--when-offered', 'close')
    const sessionCache = new SessionCache()
    const dial = { port: peer.port, host: '127.0.0.1', ca: peer.ca, servername: 'localhost', sessionCache }
    const results: (string | undefined)[] = []
    for (const cipher of ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305']) {
      const ciphers = `ECDHE-ECDSA-${cipher}:TLS_AES_128_GCM_SHA256`
      for (let n = 0; n < 4; n++) results.push((await outcome(connect({ ...dial, ciphers }))).refused)
    }
    t.is(results.filter(each => each !== undefined).length, 1, `${results}`)
  })
}
