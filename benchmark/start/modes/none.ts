import { connect } from 'node:tls'
import type { Mode } from './mode.ts'

/** Plain Node.js: `tls.connect` offers only sessions that the caller passes. */
export const none: Mode = {
  client: () => ({ connect: dial => connect(dial), close() {} }),
  server() {},
}
