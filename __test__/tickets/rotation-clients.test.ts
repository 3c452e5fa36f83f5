/** Other clients that reconnect while keys rotate, with Node alone as the yardstick. `npm run test:interop` has more. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { TicketKeys } from 'tls-resumption'
import type { Client } from '../../e2e/clients/client.ts'
import { curl } from '../../e2e/clients/clients/curl.ts'
import { openssl } from '../../e2e/clients/clients/openssl.ts'
import { type Kind, kinds, labelOf, optionsOf } from '../../e2e/clients/kinds.ts'
import { find } from '../../e2e/drivers/debian.ts'
import { testAuthority } from '../support/server.ts'

const VISITS = 10
/** After this number of connections the keys rotate. */
const CONNECTIONS_PER_ROTATION = 2

interface Server {
  server: https.Server
  port: number
  /** Whether each handshake resumed. */
  resumed: boolean[]
}

async function startServer(t: ExecutionContext, options: https.ServerOptions): Promise<Server> {
  const { issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const resumed: boolean[] = []
  const server = https.createServer({ ...identity, ...options }, (_request, response) => {
    response.setHeader('connection', 'close').end('hello')
  })
  server.on('secureConnection', (socket: TLSSocket) => resumed.push(socket.isSessionReused()))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, port: (server.address() as AddressInfo).port, resumed }
}

/** Has two runs of a client connect at the same time. Returns how many sessions were lost. */
async function lossesOf(
  t: ExecutionContext,
  client: Client,
  kind: Kind,
  { server, port, resumed }: Server,
  rotate: () => void,
): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'rotation-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const ca = join(directory, 'ca.pem')
  writeFileSync(ca, (await testAuthority()).cert)
  let connections = 0
  server.on('connection', () => {
    if (connections++ % CONNECTIONS_PER_ROTATION === 0) rotate()
  })
  const runs = ['one', 'other'].map(name => {
    const own = join(directory, name)
    mkdirSync(own)
    const isDone = Promise.resolve()
    return client.visit({ port, front: 'https', kind, visits: VISITS, ca, directory: own, isDone })
  })
  await Promise.all(runs)
  t.is(resumed.length, runs.length * VISITS)
  return resumed.filter(isResumed => !isResumed).length - runs.length
}

for (const [name, client] of Object.entries({ openssl, curl })) {
  const isInstalled = Object.keys(client.programs).every(find)
  const declare = isInstalled ? test : test.skip
  for (const kind of kinds) {
    if (kind.mechanism === 'ids' || client.never?.(kind)) continue
    declare(`rotation: ${name} loses no session while keys rotate (${labelOf(kind)})`, async t => {
      const ours = await startServer(t, optionsOf(kind))
      const keys = new TicketKeys({ keep: 64 })
      keys.attach(ours.server)
      const lost = await lossesOf(t, client, kind, ours, () => void keys.rotate())
      const plain = await startServer(t, optionsOf(kind))
      const rotatePlain = () => plain.server.setTicketKeys(randomBytes(48))
      const lostByNode = await lossesOf(t, client, kind, plain, rotatePlain)
      t.is(lost, 0)
      t.true(lostByNode > 0, 'with Node alone a rotation loses sessions')
    })
  }
}
