import { connect } from 'node:tls'
import type { Mode } from './mode.ts'

/** What Node.js does by itself: `tls.connect` offers no session unless it is given one. */
export const none: Mode = {
  client: () => ({ connect: dial => connect(dial), close() {} }),
  server() {},
}
