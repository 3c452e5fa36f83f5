/** What a configuration file of OpenSSL depends on. */

interface Assignment {
  section: string
  name: string
  value: string
}

const SECTION = /^\s*\[\s*(\S+?)\s*\]/
const ASSIGNMENT = /^\s*(?:(\w+)::)?([\w.-]+)\s*=\s*(\S*)/

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
  if (lines.some(line => /\.include\b/.test(line))) return false
  // @guard shared-file › process-trust › process trust: a configuration that reads variables is never the same
  //   ⇒ if false
  if (lines.some(line => line.includes('ENV::'))) return false
  // @guard shared-file › process-trust › process trust: a configuration that loads code is never the same*
  //   ⇒ `return !loadsCode` becomes `return true || !loadsCode`
  return !loadsCode(readAssignments(lines))
}

/** Returns the lines without comments. OpenSSL skips a byte order mark, and joins lines at a backslash. */
function linesOf(text: string): string[] {
  const joined = text.replace(/^\uFEFF/, '').replace(/\\\r?\n/g, '')
  return joined.split(/[\r\n]+/).filter(line => !/^\s*#/.test(line))
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
  if (settings.some(({ name }) => !HARMLESS.includes(withoutSuffix(name)))) return true
  const providers = settings
    .filter(({ name }) => withoutSuffix(name) === 'providers')
    .flatMap(each => sectionOf(all, each))
  if (providers.some(({ name }) => !OWN_PROVIDERS.includes(withoutSuffix(name)))) return true
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
function withoutSuffix(name: string): string {
  return name.replace(/\..*/, '')
}
