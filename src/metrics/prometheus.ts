import { createRequire } from 'node:module'
import type * as PromClient from 'prom-client'
import { type CodedError, coded } from '../util/errors.js'
import { type CollectOptions, checkCollectOptions, checkMethods } from './collect-options.js'
import { HISTOGRAMS, type Histogram, onValue } from './histograms.js'
import { helpOf, INSTRUMENTS, type Instrument, labelsOf, type Scope, samplesOf } from './instruments.js'

/** The part of a `Registry` of `prom-client` that is used. */
export interface PrometheusRegistry {
  /** Returns the metric of this name, or undefined. */
  getSingleMetric(name: string): unknown
  /** Adds a metric. Throws if its name is taken. */
  registerMetric(metric: never): void
  /** Removes the metric of this name. */
  removeSingleMetric(name: string): void
}

const REGISTRY_METHODS = [
  'registerMetric',
  'removeSingleMetric',
  'getSingleMetric',
] satisfies (keyof PrometheusRegistry)[]

/**
 * Registers the metrics of this package with a registry of `prom-client` 15, by default the global one. Their names begin
 * with `tls_resumption_`. Counters are read whenever the registry is read. Histograms record each event from this call on.
 *
 * Counters belong to the calling thread. Call this function in each thread that has TLS connections, each with its own
 * registry. Then combine the results of `register.getMetricsAsJSON()` by `AggregatorRegistry.aggregate()` of `prom-client`,
 * as for the processes of a `cluster`: every metric declares how its values combine.
 *
 * @returns an object whose disposal removes the metrics from the registry.
 * @throws `ERR_TLS_RESUMPTION_METRICS` if `prom-client` is not installed.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for an invalid argument or
 * option.
 * @throws the error of `prom-client` if the registry has the metrics already.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { register } from 'prom-client'
 * import { collect } from 'tls-resumption/metrics'
 *
 * collect(register)
 * const server = createServer(async (_request, response) => response.end(await register.metrics()))
 * ```
 */
export function collect(register?: PrometheusRegistry, options: CollectOptions = {}): Disposable {
  const scope = checkCollectOptions(options)
  if (register !== undefined)
    checkMethods('"register" argument', 'a Registry of prom-client', register, REGISTRY_METHODS)
  const prom = loadPromClient()
  const registers = [(register ?? prom.register) as PromClient.Registry]
  const names = INSTRUMENTS.map(instrument => registerInstrument(prom, registers, instrument, scope))
  const stops = scope.peers === undefined ? [] : [scope.peers.start()]
  for (const each of HISTOGRAMS) {
    const name = prometheusName(each)
    const buckets = [...each.buckets]
    const help = helpOf(each, scope)
    const histogram = new prom.Histogram({
      name,
      help,
      labelNames: labelsOf(each, scope),
      buckets,
      registers,
    })
    names.push(name)
    stops.push(onValue(each, scope.peers, (seconds, labels) => histogram.observe(labels, seconds)))
  }
  return {
    [Symbol.dispose]: () => {
      for (const stop of stops) stop()
      for (const name of names) registers[0]?.removeSingleMetric(name)
    },
  }
}

function registerInstrument(
  prom: typeof PromClient,
  registers: PromClient.Registry[],
  instrument: Instrument,
  scope: Scope,
): string {
  const name = prometheusName(instrument)
  const help = helpOf(instrument, scope)
  const labelNames = labelsOf(instrument, scope)
  const configuration = { name, help, labelNames, aggregator: instrument.combine, registers }
  if (instrument.kind === 'counter') {
    new prom.Counter({
      ...configuration,
      collect() {
        this.reset()
        for (const { value, labels } of samplesOf(instrument, scope)) this.inc(labels, value)
      },
    })
  } else {
    new prom.Gauge({
      ...configuration,
      collect() {
        this.reset()
        for (const { value, labels } of samplesOf(instrument, scope)) this.set(labels, value)
      },
    })
  }
  return name
}

/** Returns the name that the specification of OpenTelemetry derives: with the unit, and `_total` for a counter. */
export function prometheusName(metric: Instrument | Histogram): string {
  const { name, unit } = metric
  const base = `tls_resumption_${name.replaceAll('.', '_')}`
  const isCounter = 'kind' in metric && metric.kind === 'counter'
  return `${base}${unit === 's' ? '_seconds' : unit === 'By' ? '_bytes' : ''}${isCounter ? '_total' : ''}`
}

function metricsNeed(name: string, cause: unknown): CodedError {
  return coded(
    new Error(`tls-resumption/metrics needs the package ${name}: npm install ${name}`, { cause }),
    'ERR_TLS_RESUMPTION_METRICS',
  )
}

// A bundler that emits CommonJS provides no `import.meta.url`, but it provides `__filename`.
declare const __filename: string

/** Loads prom-client at the first use, since users of OpenTelemetry need not install it. */
function loadPromClient(): typeof PromClient {
  try {
    return createRequire(import.meta.url ?? __filename)('prom-client')
  } catch (cause) {
    throw metricsNeed('prom-client', cause)
  }
}
