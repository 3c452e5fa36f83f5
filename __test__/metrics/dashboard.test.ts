/** The dashboard and the alerts of examples ask for metrics that exist. `npm run test:metrics` runs them in Prometheus. */
import { readFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { dashboardQueries, readDashboard } from '../support/dashboard.ts'
import { startRegistry } from '../support/metrics.ts'

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Labels that Prometheus adds, and those of buckets. */
const COMMON = ['job', 'instance', 'le']

/** Returns each metric that the exporter has, with its labels. */
async function exported(t: ExecutionContext) {
  const { register } = startRegistry(t, { maxPeers: 1 })
  const labels = new Map<string, readonly string[]>()
  for (const { name, type } of await register.getMetricsAsJSON()) {
    const { labelNames = [] } = register.getSingleMetric(name) as unknown as { labelNames?: string[] }
    const names = String(type) === 'histogram' ? [`${name}_bucket`] : [name]
    for (const each of names) labels.set(each, [...labelNames, ...COMMON])
  }
  return labels
}

/** Checks the metrics, selectors and groupings of a query. Returns the metrics. */
function checkQuery(t: ExecutionContext, expr: string, labels: Map<string, readonly string[]>): string[] {
  const metrics = [...expr.matchAll(/(tls_resumption_\w+)(?:\{([^}]*)\})?/g)]
  t.true(metrics.length > 0, expr)
  for (const [, name = '', selector = ''] of metrics) {
    t.true(labels.has(name), `${name} in ${expr}`)
    for (const [, label = ''] of selector.matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)) {
      t.true(labels.get(name)?.includes(label), `${label} of ${name} in ${expr}`)
    }
  }
  const names = metrics.map(([, name = '']) => name)
  const known = new Set(names.flatMap(name => labels.get(name) ?? []))
  for (const [, list = ''] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
    for (const label of list.split(', ')) t.true(known.has(label), `by ${label} in ${expr}`)
  }
  return names
}

test('dashboard: it uses existing metrics and labels, and every metric', async t => {
  const labels = await exported(t)
  const asked = new Set<string>()
  for (const { title, expr, legend } of dashboardQueries()) {
    for (const name of checkQuery(t, expr, labels)) asked.add(name)
    for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g)) {
      t.true(expr.match(/\bby \(([^)]*)\)/)?.[1]?.includes(label), `${title}: the legend has ${label}`)
    }
  }
  t.deepEqual(
    [...labels.keys()].filter(name => !asked.has(name)),
    [],
    'metrics without a panel',
  )
})

test('dashboard: an import asks for the data source, and all panels use it', t => {
  const { __inputs: inputs, __requires: requires, templating, panels } = readDashboard()
  t.deepEqual(
    inputs.map(({ name, type, pluginId }) => ({ name, type, pluginId })),
    [{ name: 'DS_PROMETHEUS', type: 'datasource', pluginId: 'prometheus' }],
  )
  // Grafana replaces the name of the input by the chosen data source.
  const [variable] = templating.list
  t.is(variable?.type, 'datasource')
  t.is(variable?.current.value, `\${DS_PROMETHEUS}`)
  const types = new Set(panels.map(({ type }) => type).filter(type => type !== 'row'))
  t.deepEqual(new Set(requires.filter(({ type }) => type === 'panel').map(({ id }) => id)), types)
  for (const { title, type, datasource, targets = [] } of panels) {
    if (type === 'row') continue
    for (const used of [datasource, ...targets.map(target => target.datasource)]) {
      t.deepEqual(used, { type: 'prometheus', uid: `\${${variable?.name}}` }, title)
    }
  }
})

test('dashboard: each panel has its place, a unit and a description', t => {
  const { panels } = readDashboard()
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length)
  t.is(new Set(panels.map(({ title }) => title)).size, panels.length)
  const cells = new Map<string, string>()
  for (const { title, type, description, gridPos, fieldConfig } of panels) {
    t.true(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        const other = cells.get(`${x} ${y}`)
        t.is(other, undefined, `${title} is over ${other}`)
        cells.set(`${x} ${y}`, title)
      }
    }
    if (type === 'row') continue
    t.regex(description ?? '', /^[A-Z].*\.$/, title)
    t.truthy(fieldConfig?.defaults.unit, title)
    const steps = fieldConfig?.defaults.thresholds.steps ?? []
    const values = steps.map(({ value }) => value)
    t.is(values[0], null, `${title}: the first step has no limit`)
    t.deepEqual(
      values.slice(1),
      values.slice(1).toSorted((a, b) => Number(a) - Number(b)),
      title,
    )
  }
})

test('alerts: they use existing metrics and labels, and each is tested', async t => {
  const labels = await exported(t)
  const rules = file('examples/prometheus-rules.yaml').split(/^ {6}- alert: /m)
  const tests = file('e2e/metrics/rules.test.yaml')
  t.true(rules.length > 10)
  for (const rule of rules.slice(1)) {
    const [, name = '', expr = ''] = rule.match(/^(\w+)\n\s+expr: ((?:.|\n)*?)\n {8}(?:for|labels):/) ?? []
    checkQuery(t, expr, labels)
    t.true(tests.includes(`alertname="${name}"`), `no test of ${name}`)
    for (const [, label = ''] of rule.matchAll(/\$labels\.(\w+)/g)) {
      t.true(expr.match(/\bby \(([^)]*)\)/)?.[1]?.includes(label), `${name}: no label ${label}`)
    }
  }
})
