import { visit as visitAnyway } from './mysql2.mjs'

/** mysql2 leaves the server's name unchecked unless told so. */
export function visit(endpoint) {
  return visitAnyway({ ...endpoint, verifyIdentity: true })
}
