/** `npm run test:compare [-- GROUP … --quick]`: see README.md. */
import { parseArgs } from 'node:util'
import { compareMatrix } from './matrix/main.ts'
import { compareNodeSuite } from './node-suite/main.ts'
import { comparePackages } from './packages/main.ts'
import { Report } from './report.ts'

const NODES = [20, 22, 24, 26]
const SUITES = NODES.map(node => `node${node}`)
const GROUPS = ['matrix', 'packages', ...SUITES]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    node: { type: 'string', multiple: true },
    only: { type: 'string', multiple: true },
  },
})
const unknown = positionals.filter(name => !GROUPS.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`no such group: ${unknown.join(', ')}; there are ${GROUPS.join(', ')}\n`)
  process.exit(2)
}
const groups = positionals.length > 0 ? positionals : values.quick ? ['matrix', 'packages'] : GROUPS
const own = Number(process.versions.node.split('.')[0])
const nodes = values.node?.map(Number) ?? (values.quick ? [own] : NODES)
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => process.exit(code))
}

const report = new Report()
const only = values.only ? { only: values.only } : {}
if (groups.includes('matrix')) await compareMatrix(report, { nodes, ...only })
if (groups.includes('packages')) await comparePackages(report, { nodes, quick: values.quick, ...only })
for (const node of NODES.filter(node => groups.includes(`node${node}`))) {
  await compareNodeSuite(report, { node, ...only })
}
process.exit(report.close())
