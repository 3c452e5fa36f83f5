import { sourceText } from '../node/builtin-functions.js'

const COMMENT = /\/\*.*?\*\/|\/\/[^\n\r\u2028\u2029]*/gs
const NAME = String.raw`[\w$]+`
const PARAMETERS = String.raw`\((?:${NAME}(?:, ?${NAME})*)?\)`
const NOTHING = '(?:undefined|void 0)'
const BODY = String.raw`\{ ?(?:return(?: ${NOTHING})? ?;? ?)?\}`
const CONSTANT = new RegExp(
  `^(?:function ?(?:${NAME})? ?${PARAMETERS} ?${BODY}|(?:${PARAMETERS}|${NAME}) ?=> ?(?:${BODY}|${NOTHING}))$`,
)

/**
 * Whether a `checkServerIdentity` is written so that it never objects, as `() => undefined`: then it is the same one
 * wherever it is written, and however often. Drivers that leave the name unchecked make one for each connection.
 *
 * A text that looks like it and is not (a parameter called `undefined`) does no harm, since before each offer the
 * function itself is asked.
 */
export function isPermissiveCheck(check: object): boolean {
  // @guard check-server-identity › permissive-check › may object*
  //   ⇒ `return CONSTANT.test(` becomes `return true || CONSTANT.test(`
  return CONSTANT.test(sourceText(check).replace(COMMENT, ' ').replace(/\s+/g, ' ').trim())
}
