import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { start, stop } from '../../drivers/processes.ts'
import type { Client, Seen } from '../client.ts'
import { digestOf, runWith } from '../run.ts'

/** Chromium's request for an icon. */
const TIMEOUT = 60_000

/** A headless browser, whose page reloads again and again. The reports come from its log of the network. */
export const chromium: Client = {
  title: 'Chromium, headless',
  programs: { chromium: ['chromium'], certutil: ['libnss3-tools'] },
  version: async () => (await runWith(['chromium', '--version'])).match(/\d[\d.]*/)?.[0] ?? '',
  fronts: ['https', 'http2'],
  // It may open a spare connection, and another one if those are slow.
  atOnce: 3,
  async visit({ port, ca, directory, isDone }) {
    const log = join(directory, 'netlog.json')
    await trust(directory, ca)
    const browser = start(
      [
        'chromium',
        '--headless',
        // It shows only the page of this test, and the sandbox does not work for root.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--host-resolver-rules=MAP * 127.0.0.1',
        `--user-data-dir=${join(directory, 'profile')}`,
        `--log-net-log=${log}`,
        `https://localhost:${port}/`,
      ],
      { env: { ...process.env, HOME: directory }, stdio: 'ignore' },
    )
    const exit = once(browser, 'exit')
    const ended = exit.then(() => Promise.reject(new Error('the browser ended')))
    ended.catch(() => {})
    const late = delay(TIMEOUT, undefined, { ref: false }).then(() =>
      Promise.reject(new Error('the page did not come back as often as it should')),
    )
    late.catch(() => {})
    try {
      await Promise.race([isDone, ended, late])
      // The page closes its window then, which ends the browser and its log.
      await Promise.race([exit, late])
    } finally {
      await stop(browser)
    }
    return connectionsIn(readFileSync(log, 'utf8'))
  },
}

/** Its certificate database, with the authority. */
async function trust(home: string, ca: string): Promise<void> {
  const database = join(home, '.pki', 'nssdb')
  mkdirSync(database, { recursive: true })
  await runWith(['certutil', '-d', `sql:${database}`, '-N', '--empty-password'])
  await runWith(['certutil', '-d', `sql:${database}`, '-A', '-t', 'C,,', '-n', 'authority', '-i', ca])
}

interface LogEvent {
  type: number
  source: { id: number }
  params?: { is_resumed?: boolean; next_proto?: string; certificates?: string[] }
}

function connectionsIn(log: string): Seen[] {
  const { constants, events }: { constants: { logEventTypes: Record<string, number> }; events: LogEvent[] } =
    JSON.parse(log)
  const { SSL_CONNECT, SSL_CERTIFICATES_RECEIVED } = constants.logEventTypes
  const chains = new Map<number, string[]>()
  for (const { type, source, params } of events) {
    if (type !== SSL_CERTIFICATES_RECEIVED || !params?.certificates) continue
    chains.set(
      source.id,
      params.certificates.map(pem => digestOf(new X509Certificate(pem))),
    )
  }
  return events
    .filter(({ type, params }) => type === SSL_CONNECT && params?.is_resumed !== undefined)
    .map(({ source, params }) => {
      const chain = chains.get(source.id)
      return { resumed: params?.is_resumed, alpn: params?.next_proto, ...(chain ? { chain } : {}) } as Seen
    })
}
