/** Counts the resumptions that a rotation of the ticket keys costs, under load, in a cluster of four workers. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Kind } from '../client/kinds.ts'
import type { Pki } from '../lib/pki.ts'
import type { ResultTable, Target } from '../lib/result.ts'
import { Client } from './load.ts'
import type { Rotating } from './rotating.ts'

const WORKERS = 4
const CLIENTS = 16
const KIND: Kind = { version: 'TLSv1.3', algorithm: 'ecdsa', clientCertificate: false }

export interface RotationFigures {
  mode: string
  resumed: number
  /** Full handshakes of clients that had a ticket. */
  lost: number
}

export async function rotations(pki: Pki, times: number): Promise<RotationFigures[]> {
  return [
    { mode: 'setTicketKeys()', ...(await rotate(pki, 'setTicketKeys', times)) },
    { mode: 'TicketKeys', ...(await rotate(pki, 'TicketKeys', times)) },
  ]
}

async function rotate(
  pki: Pki,
  how: Rotating['how'],
  times: number,
): Promise<{ resumed: number; lost: number }> {
  const child: ChildProcess = fork(new URL('./rotating.ts', import.meta.url), { stdio: 'inherit' })
  const ask = async (request: Rotating | 'rotate'): Promise<unknown> => {
    const answer = once(child, 'message')
    child.send(request)
    return (await answer)[0]
  }
  const port = (await ask({ how, workers: WORKERS, identity: pki.server(KIND) })) as number
  const clients = Array.from({ length: CLIENTS }, () => new Client(pki.options(KIND, port), [port], true))
  const sum = { resumed: 0, lost: 0 }
  const visit = async (client: Client, isFirst: boolean) => {
    const { full, resumed } = await client.load(isFirst ? 1 : 8, 1)
    sum.resumed += resumed
    if (!isFirst) sum.lost += full
  }
  await Promise.all(clients.map(client => visit(client, true)))
  for (let round = 0; round < times; round++) {
    const load = Promise.all(clients.map(client => visit(client, false)))
    await ask('rotate')
    await load
  }
  child.disconnect()
  await once(child, 'exit')
  return sum
}

export function rotationTable(figures: readonly RotationFigures[], times: number): ResultTable {
  return {
    id: 'rotation',
    title: `${times} rotations of the ticket keys under load, in a cluster of ${WORKERS}`,
    columns: [{ title: 'by' }, { title: 'resumed' }, { title: 'lost' }],
    rows: figures.map(({ mode, resumed, lost }) => [mode, resumed, lost]),
    samples: `${CLIENTS} clients that reconnect 8 times around each rotation`,
    remark:
      '*lost*: full handshakes of clients that had a ticket. `setTicketKeys()` in every worker is what Node alone has for it.',
  }
}

export function rotationTargets(figures: readonly RotationFigures[]): Target[] {
  return figures
    .filter(({ mode }) => mode === 'TicketKeys')
    .map(({ lost }) => ({
      figure: `resumptions lost to rotations, ${WORKERS} workers`,
      atMost: 0,
      value: lost,
    }))
}
