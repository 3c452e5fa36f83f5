import http2 from 'http2-wrapper'
import { visit as visitAnyway } from './got.mjs'

export async function visit(endpoint) {
  await visitAnyway({ ...endpoint, http2: true })
  http2.globalAgent.destroy()
}
