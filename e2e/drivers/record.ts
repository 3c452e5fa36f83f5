import { entriesIn } from './entries.ts'
import type { Result } from './judge.ts'
import type { Protocol } from './site.ts'
import type { How } from './trial.ts'

/** An entry of `benchmark/results/drivers.json`: one driver against one server in one way. */
export interface Entry extends Result {
  server: string
  serverVersion: string
  driver: string
  driverVersion: string
  node: string
  protocol: Protocol
  how: How
  option?: string
  /** `F` for a full handshake and `R` for a resumed one, visit by visit, with the worker's after the bar. */
  visits: string
}

export const { record, recorded } = entriesIn<Entry>(
  'drivers.json',
  ({ server, driver, protocol, how, node }) => [server, driver, protocol, how, node.split('.')[0]],
)
