import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import type * as PromClient from 'prom-client'
import type { TierMessage } from '../fleet/bounded-requests.js'
import { type CodedError, coded, invalidArgType } from '../util/errors.js'
import { checkBoolean, checkOptionBag } from '../util/validate.js'
import { DEFAULT_SCOPE, MEASURES, type Measure, type Scope, samplesOf } from './instruments.js'

/** Options of {@link collect} and {@link collectOpenTelemetry}. */
export interface CollectOptions {
  /**
   * Whether to report what all threads of the process share, named caches and the keys of named rings, beside what is
   * this thread's: the connections and events that it counted, and what it has without a name. Exactly one thread of a
   * process should; it has to have opened what it is to report.
   * @defaultValue true in the main thread, false in workers
   */
  processWide?: boolean | undefined
}

/** What of a `Registry` of `prom-client` is used. */
export interface PrometheusRegistry {
  getSingleMetric(name: string): unknown
  registerMetric(metric: never): void
  removeSingleMetric(name: string): void
}

/** What of a `Meter` of `@opentelemetry/api` is used. */
export interface OpenTelemetryMeter {
  createObservableCounter(name: string, options: OpenTelemetryInstrumentOptions): OpenTelemetryObservable
  createObservableUpDownCounter(
    name: string,
    options: OpenTelemetryInstrumentOptions,
  ): OpenTelemetryObservable
  createObservableGauge(name: string, options: OpenTelemetryInstrumentOptions): OpenTelemetryObservable
  createHistogram(
    name: string,
    options: OpenTelemetryInstrumentOptions & { advice: { explicitBucketBoundaries: number[] } },
  ): { record(value: number, attributes: Record<string, string>): void }
}

export interface OpenTelemetryInstrumentOptions {
  description: string
  unit: string
}

/** What of an `Observable` of `@opentelemetry/api` is used. */
export interface OpenTelemetryObservable {
  addCallback(callback: OpenTelemetryCallback): void
  removeCallback(callback: OpenTelemetryCallback): void
}

export type OpenTelemetryCallback = (result: {
  observe(value: number, attributes: Record<string, string>): void
}) => void

const OPTIONS: readonly string[] = ['processWide'] satisfies (keyof CollectOptions)[]
const METER_METHODS = [
  'createObservableCounter',
  'createObservableUpDownCounter',
  'createObservableGauge',
  'createHistogram',
] satisfies (keyof OpenTelemetryMeter)[]
const REGISTRY_METHODS = [
  'registerMetric',
  'removeSingleMetric',
  'getSingleMetric',
] satisfies (keyof PrometheusRegistry)[]

/** What the requests to a second tier took: told as they come, since a histogram needs each. */
const DURATION = {
  name: 'tier.request.duration',
  help: 'How long requests to the second tier took that were sent, by how they ended',
  unit: 's',
  labels: ['operation', 'outcome'],
  /** Seconds. A look-up is given up after 50 ms by default. */
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
} as const

/**
 * Registers the metrics of this package with a registry of `prom-client` 15, its default one if none is given; their
 * names begin with `tls_resumption_`. They are read when the registry is.
 *
 * Counters are those of the calling thread: call it in every thread that has TLS connections, each with a registry of
 * its own, and combine what `register.getMetricsAsJSON()` gives in each with `AggregatorRegistry.aggregate()` of
 * `prom-client`, which the metrics are made for; the processes of a `cluster` likewise.
 *
 * @returns what takes them out again.
 * @throws `ERR_TLS_RESUMPTION_METRICS` where `prom-client` is not installed, `ERR_INVALID_ARG_TYPE` and
 * `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for arguments that are wrong; `prom-client`'s own error where the registry has
 * the metrics already.
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
  const scope = checkOptions(options)
  if (register !== undefined)
    checkMethods('"register" argument', 'a Registry of prom-client', register, REGISTRY_METHODS)
  const prom = loadPromClient()
  const registers = [(register ?? prom.register) as PromClient.Registry]
  const names = MEASURES.map(measure => registerMeasure(prom, registers, measure, scope))
  const histogram = new prom.Histogram({
    name: prometheusName(DURATION),
    help: DURATION.help,
    labelNames: DURATION.labels,
    buckets: [...DURATION.buckets],
    registers,
  })
  const stop = onDuration((seconds, labels) => histogram.observe(labels, seconds))
  return {
    [Symbol.dispose]: () => {
      stop()
      for (const name of [...names, prometheusName(DURATION)]) registers[0]?.removeSingleMetric(name)
    },
  }
}

/**
 * Registers the same with a meter of OpenTelemetry (`@opentelemetry/api` 1), as `tls_resumption.client.connections` and
 * so on.
 *
 * Figures are those of the calling thread, as with {@link collect}: call it in each with a meter whose resource tells
 * the thread, and add up what they report.
 *
 * @returns what stops it.
 * @throws `ERR_INVALID_ARG_TYPE` for a meter that is none, `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for an option.
 *
 * @example
 * ```ts
 * import { metrics } from '@opentelemetry/api'
 * import { collectOpenTelemetry } from 'tls-resumption/metrics'
 *
 * collectOpenTelemetry(metrics.getMeter('tls-resumption'))
 * ```
 */
export function collectOpenTelemetry(meter: OpenTelemetryMeter, options: CollectOptions = {}): Disposable {
  const scope = checkOptions(options)
  checkMethods('"meter" argument', 'a Meter of @opentelemetry/api', meter, METER_METHODS)
  const stops = MEASURES.map(measure => {
    const { name, help: description, unit = '', kind, combine } = measure
    const gauge = combine === 'sum' ? 'createObservableUpDownCounter' : 'createObservableGauge'
    const instrument = meter[kind === 'counter' ? 'createObservableCounter' : gauge](
      `tls_resumption.${name}`,
      { description, unit },
    )
    const observe: OpenTelemetryCallback = result => {
      for (const { value, labels } of samplesOf(measure, scope)) result.observe(value, labels)
    }
    instrument.addCallback(observe)
    return () => instrument.removeCallback(observe)
  })
  const histogram = meter.createHistogram(`tls_resumption.${DURATION.name}`, {
    description: DURATION.help,
    unit: DURATION.unit,
    advice: { explicitBucketBoundaries: [...DURATION.buckets] },
  })
  stops.push(onDuration((seconds, labels) => histogram.record(seconds, labels)))
  return {
    [Symbol.dispose]: () => {
      for (const stop of stops) stop()
    },
  }
}

function registerMeasure(
  prom: typeof PromClient,
  registers: PromClient.Registry[],
  measure: Measure,
  scope: Scope,
): string {
  const name = prometheusName(measure)
  const { help, labels: labelNames, combine: aggregator } = measure
  const configuration = { name, help, labelNames, aggregator, registers }
  if (measure.kind === 'counter') {
    new prom.Counter({
      ...configuration,
      collect() {
        this.reset()
        for (const { value, labels } of samplesOf(measure, scope)) this.inc(labels, value)
      },
    })
  } else {
    new prom.Gauge({
      ...configuration,
      collect() {
        this.reset()
        for (const { value, labels } of samplesOf(measure, scope)) this.set(labels, value)
      },
    })
  }
  return name
}

/** As an exporter of OpenTelemetry's names would name it: the unit, then what it is. */
function prometheusName({ name, unit, kind }: { name: string; unit?: string; kind?: string }): string {
  const base = `tls_resumption_${name.replaceAll('.', '_')}`
  return `${base}${unit === 's' ? '_seconds' : unit === 'By' ? '_bytes' : ''}${kind === 'counter' ? '_total' : ''}`
}

function onDuration(tell: (seconds: number, labels: Record<string, string>) => void): () => void {
  const listener = (message: unknown) => {
    const { operation, outcome, duration } = message as TierMessage
    if (duration !== undefined) tell(duration / 1000, { operation, outcome })
  }
  subscribe('tls-resumption:tier', listener)
  return () => unsubscribe('tls-resumption:tier', listener)
}

function checkOptions(options: CollectOptions): Scope {
  checkOptionBag('options', options, OPTIONS)
  checkBoolean('processWide', options.processWide)
  return { ...DEFAULT_SCOPE, ...(options.processWide !== undefined && { processWide: options.processWide }) }
}

function checkMethods(name: string, expected: string, value: unknown, methods: readonly string[]): void {
  const object = Object(value) as Record<string, unknown>
  if (methods.some(method => typeof object[method] !== 'function'))
    throw invalidArgType(name, expected, value)
}

// What a bundler makes of it as CommonJS has no `import.meta`, but has this.
declare const __filename: string

function metricsNeed(name: string, cause: unknown): CodedError {
  return coded(
    new Error(`tls-resumption/metrics needs the package ${name}: npm install ${name}`, { cause }),
    'ERR_TLS_RESUMPTION_METRICS',
  )
}

/** Only now, so that who uses OpenTelemetry does not need it. */
function loadPromClient(): typeof PromClient {
  try {
    return createRequire(import.meta.url ?? __filename)('prom-client')
  } catch (cause) {
    throw metricsNeed('prom-client', cause)
  }
}
