/** The dashboard of examples asks for metrics that exist. */
import { readFileSync } from 'node:fs'
import test from 'ava'
import { Registry } from 'prom-client'
import { collect } from 'tls-resumption/metrics'

test('dashboard: it uses existing metrics and labels, and every metric', async t => {
  const register = new Registry()
  const collecting = collect(register)
  t.teardown(() => collecting[Symbol.dispose]())
  const labels = new Map<string, readonly string[]>()
  for (const { name } of await register.getMetricsAsJSON()) {
    const { labelNames = [] } = register.getSingleMetric(name) as unknown as { labelNames?: string[] }
    labels.set(name, labelNames)
  }
  const dashboard = JSON.parse(
    readFileSync(new URL('../../examples/grafana-dashboard.json', import.meta.url), 'utf8'),
  )
  const asked = new Set<string>()
  for (const panel of dashboard.panels) {
    for (const { expr } of panel.targets ?? []) {
      for (const [, name = '', selector = ''] of expr.matchAll(/(tls_resumption_\w+)(?:\{([^}]*)\})?/g)) {
        const metric = name.replace(/_bucket$/, '')
        t.true(labels.has(metric), `${panel.title}: ${name}`)
        asked.add(metric)
        for (const [, label = ''] of selector.matchAll(/(\w+)\s*(?:=|!=|=~|!~)/g)) {
          t.true(
            [...(labels.get(metric) ?? []), 'job', 'instance'].includes(label),
            `${panel.title}: ${label}`,
          )
        }
      }
    }
  }
  t.deepEqual(
    [...labels.keys()].filter(name => !asked.has(name)),
    [],
    'metrics without a panel',
  )
})
