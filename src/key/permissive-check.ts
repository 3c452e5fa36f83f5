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
 * True if the text of a `checkServerIdentity` shows that it never objects, as `() => undefined`. All such functions are
 * equal. Drivers that do not check the name make one for each connection.
 *
 * A text that only looks like that (a parameter called `undefined`) does no harm: the function itself is called before
 * each offer.
 */
export function isPermissiveCheck(check: object): boolean {
  // @guard check-server-identity › permissive-check › may object*
  //   ⇒ `return CONSTANT.test(` becomes `return true || CONSTANT.test(`
  return CONSTANT.test(sourceText(check).replace(COMMENT, ' ').replace(/\s+/g, ' ').trim())
}
