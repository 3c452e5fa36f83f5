/** `npm run test:compare [-- GROUP … --quick]`: see README.md. */
import { parseArgs } from 'node:util'
import { nodeProgram } from '../../scripts/lib/nodes.mjs'
import { compareMatrix } from './matrix/main.ts'
import { assertAutoLoads } from './modes.ts'
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

// Settings of the package and of Node.js would hold in every mode.
for (const name of Object.keys(process.env)) {
  if (name.startsWith('TLS_RESUMPTION') || name === 'NODE_OPTIONS') delete process.env[name]
}
const suites = NODES.filter(node => groups.includes(`node${node}`))
const used = groups.includes('matrix') || groups.includes('packages') ? [...nodes, ...suites] : suites
for (const node of new Set(used)) assertAutoLoads(nodeProgram(node))

const report = new Report()
const only = values.only ? { only: values.only } : {}
if (groups.includes('matrix')) await compareMatrix(report, { nodes, ...only })
if (groups.includes('packages')) await comparePackages(report, { nodes, quick: values.quick, ...only })
for (const node of suites) {
  await compareNodeSuite(report, { node, ...only })
}
process.exit(report.close())
