import { parseSync } from 'oxc-parser'
import { mutate } from './mutate.mjs'

/**
 * @typedef {object} Guard
 * @property {string} rule
 * @property {string} file path in `src`
 * @property {number} line
 * @property {string} test name of the test file, without `.test.ts`
 * @property {string} title of the tests, with `*` for any text
 * @property {(source: string) => string} remove returns the source without the guard, or throws
 */

/** Returns the guards of a source file. README.md has the form of an annotation. */
export function readAnnotations(file, source) {
  const { program, comments, errors } = parseSync(file, source)
  if (errors.length > 0) throw new SyntaxError(`${file}: ${errors[0].message}`)
  return annotations(source, comments).flatMap(({ text, start, end }) => {
    const line = source.slice(0, start).split('\n').length
    const [head, form = 'drop'] = text.split(' ⇒ ')
    const [rule, test, ...titles] = head.split(' › ')
    const place = `src/${file}:${line}`
    if (titles.length === 0) throw new SyntaxError(`${place}: expected @guard RULE › TEST-FILE › TITLE`)
    return mutations(program, source, firstToken(source, comments, end), form, place).map(
      ({ value, mutant }) => ({
        rule,
        file,
        line,
        test,
        title: titles.join(' › ').replace('{}', value),
        remove: () => mutant,
      }),
    )
  })
}

function mutations(program, source, offset, form, place) {
  try {
    return mutate(program, source, offset, form)
  } catch (error) {
    throw new SyntaxError(`${place}: ${error.message}`)
  }
}

/** An annotation continues in the next lines that are indented by three spaces or more. */
function annotations(source, comments) {
  const found = []
  let open
  for (const { type, value, start, end } of comments) {
    if (type === 'Line' && value.startsWith(' @guard ')) {
      open = { text: value.slice(' @guard '.length).trim(), start, end }
      found.push(open)
    } else if (
      open &&
      type === 'Line' &&
      /^ {3}/.test(value) &&
      /^\r?\n *$/.test(source.slice(open.end, start))
    ) {
      open.text += ` ${value.trim()}`
      open.end = end
    } else {
      open = undefined
    }
  }
  return found
}

/** Returns the offset of the first code behind `offset`. */
function firstToken(source, comments, offset) {
  for (;;) {
    const next = offset + source.slice(offset).search(/\S|$/)
    const comment = comments.find(({ start }) => start === next)
    if (comment === undefined) return next
    offset = comment.end
  }
}
