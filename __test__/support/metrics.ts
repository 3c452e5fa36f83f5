import type { ExecutionContext } from 'ava'
import { type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'
import { type CollectOptions, collect } from 'tls-resumption/metrics'

export type Labels = Record<string, string>
/** Returns a value of a metric; of a histogram the number of its values. */
export type Read = (name: string, labels?: Labels) => number | undefined

/** Returns a registry with the metrics of this package, and a function that reads their values. */
export function startRegistry(t: ExecutionContext, options?: CollectOptions) {
  const register = new Registry()
  const collecting = collect(register, options)
  t.teardown(() => collecting[Symbol.dispose]())
  return { register, read: async () => readerOf(await register.getMetricsAsJSON()) }
}

/** Returns a function that reads values of what `getMetricsAsJSON` returned. */
export function readerOf(metrics: unknown): Read {
  return (name, labels = {}) =>
    valuesOf(metrics, name).find(
      ({ metricName, labels: found }) =>
        !metricName?.endsWith('_bucket') &&
        !metricName?.endsWith('_sum') &&
        Object.entries(labels).every(([label, value]) => found[label] === value),
    )?.value
}

type NamedValue = MetricValue<string> & { metricName?: string }

/** Returns all values of a metric; of a histogram its buckets, sums and counts. */
export function valuesOf(metrics: unknown, name: string): NamedValue[] {
  const all = metrics as MetricObjectWithValues<NamedValue>[]
  return all.find(metric => metric.name === `tls_resumption_${name}`)?.values ?? []
}
