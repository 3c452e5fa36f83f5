/** What a configuration file of OpenSSL depends on. */

interface Assignment {
  section: string
  name: string
  value: string
}

/** OpenSSL permits these characters in names, and others behind a backslash. See `crypto/conf/keysets.pl`. */
const NAME = '[\\w!.%&*+,/;?@^~|-]+'
/** OpenSSL ignores what follows the bracket. */
const SECTION = new RegExp(`^[ \t]*\\[[ \t]*(${NAME}(?:[ \t]+${NAME})*)[ \t]*\\]`)
const ASSIGNMENT = new RegExp(`^[ \t]*(?:(${NAME})::)?(${NAME})[ \t]*=[ \t]*([^#]*?)[ \t]*(?:#.*)?$`)
const COMMENT_OR_BLANK = /^[ \t]*(?:#|$)/
/** What OpenSSL and this module may read in different ways, and bytes that are no text. */
const UNUSUAL = /[^\t\n -\uFFFC]/

/** Settings that load no code. `engines` does, and so does any name that OpenSSL does not know. */
const HARMLESS: readonly string[] = [
  'alg_section',
  'oid_section',
  'providers',
  'random',
  'ssl_conf',
  'stbl_section',
]
/** The providers that OpenSSL itself has. It loads any other one from a file. */
const OWN_PROVIDERS: readonly string[] = ['base', 'default', 'legacy', 'null']
/** Settings of a provider that load no file. */
const HARMLESS_OF_PROVIDER: readonly string[] = ['activate', 'soft_load']

/** True if the text says everything: the configuration depends on no other file, no variable and no code. */
export function isWholeConfiguration(text: string): boolean {
  const lines = linesOf(text)
  // @guard shared-file › process-trust › process trust: a configuration that includes files is never the same
  //   ⇒ if false
  if (lines.some(line => line.includes('.include'))) return false
  // In the section of that name, `$HOME` is a variable, too.
  // @guard shared-file › process-trust › process trust: a configuration that reads variables is never the same
  //   ⇒ if false
  if (lines.some(line => line.includes('ENV'))) return false
  // @guard shared-file › process-trust › process trust: a configuration with a line that cannot be read *
  //   ⇒ if false
  if (UNUSUAL.test(text) || !lines.every(line => SECTION.test(line) || ASSIGNMENT.test(line))) return false
  // @guard shared-file › process-trust › process trust: a configuration that loads code is never the same*
  //   ⇒ `return !loadsCode` becomes `return true || !loadsCode`
  return !loadsCode(readAssignments(lines))
}

/** Returns the lines without comments. OpenSSL skips a byte order mark, and joins lines at a backslash that stands alone. */
function linesOf(text: string): string[] {
  const joined = text.replace(/^\uFEFF/, '').replace(/(?<!\\)\\\n/g, '')
  return joined.split('\n').filter(line => !COMMENT_OR_BLANK.test(line))
}

function readAssignments(lines: readonly string[]): Assignment[] {
  const assignments: Assignment[] = []
  let current = 'default'
  for (const line of lines) {
    current = SECTION.exec(line)?.[1] ?? current
    const [, section = current, name, value = ''] = ASSIGNMENT.exec(line) ?? []
    if (name !== undefined) assignments.push({ section, name, value })
  }
  return assignments
}

function loadsCode(all: readonly Assignment[]): boolean {
  const settings = all
    .filter(({ name }) => name === 'openssl_conf' || name === 'nodejs_conf')
    .flatMap(each => sectionOf(all, each))
  if (settings.some(({ name }) => !HARMLESS.includes(moduleOf(name)))) return true
  const providers = settings
    .filter(({ name }) => moduleOf(name) === 'providers')
    .flatMap(each => sectionOf(all, each))
  if (providers.some(({ name }) => !OWN_PROVIDERS.includes(providerOf(name)))) return true
  return providers
    .flatMap(each => sectionOf(all, each))
    .some(({ name }) => !HARMLESS_OF_PROVIDER.includes(name))
}

/** Returns what a section has that the value names. A value that names it by an expression stands for unknown settings. */
function sectionOf(all: readonly Assignment[], { value }: Assignment): readonly Assignment[] {
  if (!/^\w+$/.test(value)) return [{ section: '', name: 'unknown', value }]
  return all.filter(({ section }) => section === value)
}

/** OpenSSL takes `providers.1` for `providers`. */
function moduleOf(name: string): string {
  return name.replace(/\.[^.]*$/, '')
}

/** OpenSSL takes `1.default` for `default`. */
function providerOf(name: string): string {
  return name.replace(/^[^.]*\./, '')
}
