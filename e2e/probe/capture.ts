import { once } from 'node:events'
import { statSync } from 'node:fs'
import type { StartTls } from '../../dist/probe/starttls.js'
import { run, start, stop } from '../drivers/processes.ts'

/** The content of a connection, from decrypted packets. */
export interface Captured {
  tickets: number
  /** Seconds, of each ticket. */
  lifetimes: number[]
}

const DISSECTORS: Readonly<Partial<Record<StartTls, string>>> = {
  mysql: 'mysql',
  postgres: 'pgsql',
  smtp: 'smtp',
  imap: 'imap',
  ldap: 'ldap',
}

/** Captures the packets of a port with tcpdump, until the returned function is called. */
export async function capture(port: number, file: string): Promise<() => Promise<void>> {
  const command = [
    'tcpdump',
    '-i',
    'lo',
    '-U',
    '--immediate-mode',
    '-B',
    '16384',
    '-w',
    file,
    `tcp port ${port}`,
  ]
  const child = start(command, { stdio: ['ignore', 'ignore', 'pipe'] })
  if (child.stderr) await once(child.stderr, 'data')
  return async () => {
    // Packets that are still on their way to the file have to be written.
    for (let written = -1; written < statSync(file).size; ) {
      written = statSync(file).size
      await new Promise(resolve => setTimeout(resolve, 500))
    }
    await stop(child)
  }
}

/** Returns one entry per connection, in their order. tshark decrypts with the secrets that Node wrote. */
export async function read(
  file: string,
  keyLog: string,
  port: number,
  startTls: StartTls | undefined,
): Promise<Captured[]> {
  const dissector = (startTls && DISSECTORS[startTls]) ?? 'tls'
  const tshark = [
    'tshark',
    '-r',
    file,
    '-o',
    `tls.keylog_file:${keyLog}`,
    '-d',
    `tcp.port==${port},${dissector}`,
  ]
  const fields = ['tcp.stream', 'tls.handshake.type', 'tls.handshake.session_ticket_lifetime_hint']
  const lines = await run([
    ...tshark,
    ...['-Y', 'tcp', '-T', 'fields', ...fields.flatMap(field => ['-e', field])],
  ])
  const connections: Captured[] = []
  for (const line of lines.split('\n').filter(Boolean)) {
    const [stream = '', types = '', hints = ''] = line.split('\t')
    const index = Number(stream)
    connections[index] ??= { tickets: 0, lifetimes: [] }
    connections[index].tickets += types.split(',').filter(type => type === NEW_SESSION_TICKET).length
    connections[index].lifetimes.push(...hints.split(',').filter(Boolean).map(Number))
  }
  return connections
}

const NEW_SESSION_TICKET = '4'
