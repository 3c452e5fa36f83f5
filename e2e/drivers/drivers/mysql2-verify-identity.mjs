import { visit as visitAnyway } from './mysql2.mjs'

/** By default mysql2 does not verify the server's name. */
export function visit(endpoint) {
  return visitAnyway({ ...endpoint, verifyIdentity: true })
}
