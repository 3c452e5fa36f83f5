import { entriesIn } from '../drivers/entries.ts'
import type { Front, Kind, Placement } from './kinds.ts'

/** An entry of `benchmark/results/interop.json`: one client against one placement of one kind of server. */
export interface Entry extends Kind {
  client: string
  clientVersion: string
  node: string
  front: Front
  placement: Placement
  /** `F` for a full handshake and `R` for a resumed one, connection by connection. */
  connections: string
  /** Why it does not resume, if it does not. */
  never?: string
  /** The number of certificates that the client reports for a resumed connection: the same as for a full one. */
  certificates?: number
}

export const { record, recorded } = entriesIn<Entry>(
  'interop.json',
  ({ client, front, protocol, mechanism, placement, node }) => [
    client,
    front,
    protocol,
    mechanism,
    placement,
    node.split('.')[0],
  ],
)
