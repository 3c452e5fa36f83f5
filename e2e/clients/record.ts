import { entriesIn } from '../drivers/entries.ts'
import type { Front, Kind, Placement } from './kinds.ts'

/** A line of `benchmark/results/interop.json`: one client against one placement of one kind of server. */
export interface Entry extends Kind {
  client: string
  clientVersion: string
  node: string
  front: Front
  placement: Placement
  /** `F` for a full handshake and `R` for a resumed one, connection by connection. */
  connections: string
  /** Why it does not resume, where it does not. */
  never?: string
  /** How many certificates the client tells of a resumed connection: the same as of a full one. */
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
