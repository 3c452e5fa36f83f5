/** Counts the bytes of full and resumed handshakes, and the packets that they need. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import tls, { type SecureVersion } from 'node:tls'
import type { ResultTable } from '../lib/result.ts'
import { type Chain, chains } from './chains.ts'

/** Bytes of a TCP segment in an Ethernet frame without options. */
const SEGMENT = 1460

interface Counts {
  /** Bytes from client to server, and back. */
  up: number
  down: number
  /** Packets with content, if each flight is cut into segments. */
  packets: number
  resumed: boolean
}

export interface SizeFigures {
  chain: string
  exchange: string
  full: Counts
  resumed: Counts
}

const WAYS: { version: SecureVersion; group: string; exchange: string }[] = [
  { version: 'TLSv1.3', group: 'X25519', exchange: 'TLS 1.3, X25519' },
  { version: 'TLSv1.3', group: 'X25519MLKEM768', exchange: 'TLS 1.3, X25519MLKEM768' },
  // With TLS 1.2 the list must have the curve of an ECDSA certificate, too (RFC 8422 section 5.1).
  { version: 'TLSv1.2', group: 'X25519:P-256', exchange: 'TLS 1.2, X25519' },
]

export async function sizes(): Promise<SizeFigures[]> {
  const figures: SizeFigures[] = []
  for (const chain of chains()) {
    for (const { version, group, exchange } of WAYS) {
      // ML-DSA is for TLS 1.3 only.
      if (chain.name.startsWith('ML-DSA') && version === 'TLSv1.2') continue
      if (!hasGroup(group)) continue
      figures.push({ chain: chain.name, exchange, ...(await count(chain, version, group)) })
    }
  }
  return figures
}

/** X25519MLKEM768 needs OpenSSL 3.5. */
function hasGroup(group: string): boolean {
  try {
    tls.createSecureContext({ ecdhCurve: group })
    return true
  } catch {
    return false
  }
}

async function count(chain: Chain, version: SecureVersion, group: string) {
  const options = { ecdhCurve: group, minVersion: version, maxVersion: version }
  const server = tls.createServer({ ...options, cert: chain.cert, key: chain.key }, socket => {
    socket.on('error', () => {}).resume()
    // Tickets precede it.
    socket.write('.')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const relay = new Relay((server.address() as AddressInfo).port)
  const port = await relay.listen()
  let session: Buffer | undefined
  const connect = async (): Promise<Counts> => {
    const socket = tls.connect({
      ...options,
      port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: chain.ca,
      ...(session && { session }),
    })
    socket.on('session', ticket => {
      session = ticket
    })
    await once(socket, 'data')
    // Node.js may emit it after the data behind it.
    if (session === undefined) await once(socket, 'session')
    const resumed = socket.isSessionReused()
    const counts = { ...relay.take(), resumed }
    socket.destroy()
    return counts
  }
  const [full, resumed] = [await connect(), await connect()]
  relay.close()
  server.close()
  if (full.resumed || !resumed.resumed) throw new Error(`${chain.name}, ${version}, ${group}: not as wanted`)
  return { full, resumed }
}

/** Forwards one connection at a time, and counts its bytes. */
class Relay {
  readonly #server: net.Server
  /** The bytes of each flight, that is of all that one side sends before the other one answers. */
  #flights: { isUp: boolean; bytes: Buffer[] }[] = []

  constructor(upstream: number) {
    this.#server = net.createServer({ noDelay: true }, client => {
      this.#flights = []
      const server = net.connect({ port: upstream, host: '127.0.0.1', noDelay: true })
      for (const [from, to, isUp] of [
        [client, server, true],
        [server, client, false],
      ] as const) {
        from.on('data', (bytes: Buffer) => this.#add(isUp, bytes))
        from.on('error', () => to.destroy()).pipe(to)
      }
    })
  }

  async listen(): Promise<number> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return (this.#server.address() as AddressInfo).port
  }

  /** Returns the counts without the last record of the server, which has the application's byte. */
  take(): Omit<Counts, 'resumed'> {
    const flights = this.#flights.map(({ isUp, bytes }) => ({ isUp, bytes: Buffer.concat(bytes) }))
    const last = flights.findLast(({ isUp }) => !isUp)
    if (last) last.bytes = last.bytes.subarray(0, lastRecordOf(last.bytes))
    const sum = (isWanted: boolean) =>
      flights.filter(({ isUp }) => isUp === isWanted).reduce((total, { bytes }) => total + bytes.length, 0)
    const packets = flights.reduce((total, { bytes }) => total + Math.ceil(bytes.length / SEGMENT), 0)
    return { up: sum(true), down: sum(false), packets }
  }

  close(): void {
    this.#server.close()
  }

  #add(isUp: boolean, bytes: Buffer): void {
    const last = this.#flights.at(-1)
    if (last?.isUp === isUp) last.bytes.push(bytes)
    else this.#flights.push({ isUp, bytes: [bytes] })
  }
}

/** Returns where the last TLS record begins (RFC 8446 section 5.1). */
function lastRecordOf(bytes: Buffer): number {
  let at = 0
  for (let next = 0; next + 5 <= bytes.length; next += 5 + bytes.readUInt16BE(next + 3)) at = next
  return at
}

export function sizeTable(figures: readonly SizeFigures[]): ResultTable {
  const both = ({ up, down }: Counts) => up + down
  return {
    id: 'sizes',
    title: 'Bytes and packets of a handshake',
    columns: [
      { title: 'certificates of the server' },
      { title: 'version, key exchange' },
      { title: 'full: to the server', unit: 'B', digits: 0 },
      { title: 'to the client', unit: 'B', digits: 0 },
      { title: 'packets', digits: 0 },
      { title: 'resumed: to the server', unit: 'B', digits: 0 },
      { title: 'to the client', unit: 'B', digits: 0 },
      { title: 'packets', digits: 0 },
      { title: 'bytes saved', unit: '%', digits: 0 },
    ],
    rows: figures.map(({ chain, exchange, full, resumed }) => [
      chain,
      exchange,
      full.up,
      full.down,
      full.packets,
      resumed.up,
      resumed.down,
      resumed.packets,
      100 * (1 - both(resumed) / both(full)),
    ]),
    samples: 'once; a server of Node alone, without a client certificate',
    remark: `Bytes of TLS with tickets, counted by a relay, without headers of TCP and IP. *Packets* are computed for segments of
${SEGMENT.toLocaleString('en')} bytes: each flight by itself, without acknowledgements. A resumption saves the chain and its signature, so it saves
most with ML-DSA. The key exchange stays. ML-DSA and X25519MLKEM768 need OpenSSL 3.5 (Node 24 or newer).`,
  }
}
