/** The pages of `docs/reference` name every option, variable, reason, warning, metric and error code of the source. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { parseSync } from 'oxc-parser'
import { HISTOGRAMS } from '../dist/metrics/histograms.js'
import { INSTRUMENTS } from '../dist/metrics/instruments.js'
import { prometheusName } from '../dist/metrics/prometheus.js'

const root = join(import.meta.dirname, '..')
const page = (name: string) => readFileSync(join(root, 'docs', 'reference', name), 'utf8')
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter(name => name.endsWith('.ts'))
  .map(name => readFileSync(join(root, 'src', name), 'utf8'))

interface Declaration {
  name: string
  members: string[]
}

/** Returns the exported interfaces of the source whose name ends with `Options`, with their own properties. */
function optionInterfaces(): Declaration[] {
  const found: Declaration[] = []
  for (const source of sources) {
    const { program } = parseSync('source.ts', source)
    for (const statement of program.body) {
      if (statement.type !== 'ExportNamedDeclaration') continue
      const { declaration } = statement
      if (declaration?.type !== 'TSInterfaceDeclaration' || !declaration.id.name.endsWith('Options')) continue
      const members = declaration.body.body.flatMap(member =>
        member.type === 'TSPropertySignature' && member.key.type === 'Identifier' ? member.key.name : [],
      )
      found.push({ name: declaration.id.name, members })
    }
  }
  return found
}

/** Returns the string literals of a union type. */
function membersOf(type: string): string[] {
  const [, union = ''] =
    sources.join('\n').match(new RegExp(`export type ${type} =\\n((?:  \\|.*\\n)+)`)) ?? []
  return [...union.matchAll(/'([^']+)'/g)].map(([, name = '']) => name)
}

/** The interfaces that are not options of a user. */
const NOT_PUBLIC = [
  'VerifiedOptions',
  'ProbeOptions',
  'ConnectorOptions',
  'PlanOptions',
  'OpenTelemetryInstrumentOptions',
]

const interfaces = optionInterfaces().filter(
  ({ name, members }) => members.length > 0 && !NOT_PUBLIC.includes(name),
)

test('options.md: the interfaces are found', t => {
  t.true(interfaces.length >= 12, interfaces.map(({ name }) => name).join())
})

for (const { name, members } of interfaces) {
  test(`options.md: it has every option of ${name}`, t => {
    const [, section = ''] = page('options.md').split(new RegExp(`^### ${name}$`, 'm'))
    const rows = section.split(/^##/m)[0] ?? ''
    const listed = [...rows.matchAll(/^\| `(\w+)` \|/gm)].map(([, option]) => option)
    t.deepEqual(listed.toSorted(), members.toSorted())
  })
}

test('environment.md: it has every variable that the source names', t => {
  const read = new Set(
    sources
      .join('\n')
      .match(/\bTLS_RESUMPTION(?:_[A-Z]+)*(?![A-Z_`])/g)
      ?.filter(name => !name.endsWith('_TEST')),
  )
  const text = page('environment.md') + page('events-and-reasons.md')
  t.true(read.size > 5)
  t.deepEqual(
    [...read].filter(name => !text.includes(`\`${name}\``)),
    [],
  )
})

for (const type of ['ClientReason', 'ServerReason']) {
  test(`events-and-reasons.md: it has every ${type}`, t => {
    const reasons = membersOf(type)
    t.true(reasons.length > 5)
    t.deepEqual(
      reasons.filter(reason => !page('events-and-reasons.md').includes(`\`${reason}\``)),
      [],
    )
  })
}

test('events-and-reasons.md: it has every warning', t => {
  const codes = [...sources.join('\n').matchAll(/\.warn(?:Once)?\(\s*'([A-Z_]+)'/g)].map(([, code]) => code)
  t.true(codes.length > 5)
  t.deepEqual(
    codes.filter(code => !page('events-and-reasons.md').includes(`\`TLS_RESUMPTION_${code}\``)),
    [],
  )
})

test('errors.md: it has every error code', t => {
  const codes = membersOf('ErrorCode')
  t.true(codes.length > 5)
  t.deepEqual(
    codes.filter(code => !page('errors.md').includes(`| \`${code}\` |`)),
    [],
  )
})

test('metrics.md: it has every metric with its unit and labels, and no other', t => {
  const rows = [...page('metrics.md').matchAll(/^\| `(tls_resumption_\w+)` \| `(\S+)` \| (.*?) ?\|/gm)]
  const documented = rows.map(([, name = '', unit = '', labels = '']) => ({
    name,
    unit,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
  }))
  const metrics = [...INSTRUMENTS, ...HISTOGRAMS].map(metric => ({
    name: prometheusName(metric),
    unit: metric.unit,
    labels: [...metric.labels],
  }))
  const byName = (one: { name: string }, other: { name: string }) => one.name.localeCompare(other.name)
  t.deepEqual(documented.toSorted(byName), metrics.toSorted(byName))
})

test('cli.md: it has every option of the command', t => {
  const [, options = ''] = sources.join('\n').match(/const options = \{\n(.*?)\n\} as const/s) ?? []
  const names = [...options.matchAll(/^ {2}'?([a-z-]+)'?: \{ type:/gm)].map(([, name]) => name)
  t.true(names.length > 10)
  t.deepEqual(
    names.filter(name => !page('cli.md').includes(`--${name}`)),
    [],
  )
})
