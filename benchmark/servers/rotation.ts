/** How many resumptions a rotation of the ticket keys costs, under load, in a cluster of four. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Kind } from '../clients/kinds.ts'
import type { Pki } from '../clients/pki.ts'
import { Client } from './load.ts'
import type { Rotating } from './rotating.ts'

export const WORKERS = 4
export const ROTATIONS = 4
const CLIENTS = 16
const KIND: Kind = { version: 'TLSv1.3', algorithm: 'ecdsa', clientCertificate: false }

export interface RotationFigures {
  mode: string
  resumed: number
  /** Full handshakes of clients that had a ticket. */
  lost: number
}

export async function rotations(pki: Pki): Promise<RotationFigures[]> {
  return [
    { mode: 'setTicketKeys()', ...(await rotate(pki, 'setTicketKeys')) },
    { mode: 'TicketKeys', ...(await rotate(pki, 'TicketKeys')) },
  ]
}

async function rotate(pki: Pki, how: Rotating['how']): Promise<{ resumed: number; lost: number }> {
  const child: ChildProcess = fork(new URL('./rotating.ts', import.meta.url), { stdio: 'inherit' })
  const ask = async (request: Rotating | 'rotate'): Promise<unknown> => {
    const answer = once(child, 'message')
    child.send(request)
    return (await answer)[0]
  }
  const port = (await ask({ how, workers: WORKERS, identity: pki.server(KIND) })) as number
  const clients = Array.from({ length: CLIENTS }, () => new Client(pki.options(KIND, port), true))
  const sum = { resumed: 0, lost: 0 }
  const visit = async (client: Client, isFirst: boolean) => {
    const { full, resumed } = await client.load(isFirst ? 1 : 8, 1)
    sum.resumed += resumed
    if (!isFirst) sum.lost += full
  }
  await Promise.all(clients.map(client => visit(client, true)))
  for (let round = 0; round < ROTATIONS; round++) {
    const load = Promise.all(clients.map(client => visit(client, false)))
    await ask('rotate')
    await load
  }
  child.disconnect()
  await once(child, 'exit')
  return sum
}
