import { type CollectOptions, checkCollectOptions, checkMethods } from './collect-options.js'
import { HISTOGRAMS, onValue } from './histograms.js'
import { helpOf, INSTRUMENTS, samplesOf } from './instruments.js'

/** The part of a `Meter` of `@opentelemetry/api` that is used. */
export interface OpenTelemetryMeter {
  /** Creates an instrument whose sum only grows. */
  createObservableCounter(name: string, options: OpenTelemetryInstrumentOptions): OpenTelemetryObservable
  /** Creates an instrument whose sum also falls. */
  createObservableUpDownCounter(
    name: string,
    options: OpenTelemetryInstrumentOptions,
  ): OpenTelemetryObservable
  /** Creates an instrument whose values are not summed up. */
  createObservableGauge(name: string, options: OpenTelemetryInstrumentOptions): OpenTelemetryObservable
  /** Creates a histogram with these bucket boundaries, in its unit. */
  createHistogram(
    name: string,
    options: OpenTelemetryInstrumentOptions & { advice: { explicitBucketBoundaries: number[] } },
  ): { record(value: number, attributes: Record<string, string>): void }
}

/** The options with which an instrument is created. */
export interface OpenTelemetryInstrumentOptions {
  /** What the instrument measures, in a sentence. */
  description: string
  /** The unit by UCUM: `s`, `By`, `{connection}`. */
  unit: string
}

/** The part of an `Observable` of `@opentelemetry/api` that is used. */
export interface OpenTelemetryObservable {
  /** Adds a function that is called at each collection. */
  addCallback(callback: OpenTelemetryCallback): void
  /** Removes a function that was added. */
  removeCallback(callback: OpenTelemetryCallback): void
}

/** Reports the values of an instrument at a collection, each with its attributes. */
export type OpenTelemetryCallback = (result: {
  observe(value: number, attributes: Record<string, string>): void
}) => void

const METER_METHODS = [
  'createObservableCounter',
  'createObservableUpDownCounter',
  'createObservableGauge',
  'createHistogram',
] satisfies (keyof OpenTelemetryMeter)[]

/**
 * Creates the instruments of this package with a meter of OpenTelemetry (`@opentelemetry/api` 1). Their names begin with
 * `tls_resumption.`, as in `tls_resumption.client.connections`. Counters are read at each collection of the meter. Histograms
 * record each event from this call on.
 *
 * The values belong to the calling thread, as with {@link collect}. Call it in each thread that has TLS connections, with a
 * meter whose resource identifies the thread, and add up the values in the backend.
 *
 * @returns an object whose disposal stops the collection.
 * @throws `ERR_INVALID_ARG_TYPE` if the first argument is no meter.
 * @throws `ERR_INVALID_ARG_TYPE`, `ERR_OUT_OF_RANGE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for an invalid option.
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
  const scope = checkCollectOptions(options)
  checkMethods('"meter" argument', 'a Meter of @opentelemetry/api', meter, METER_METHODS)
  const stops = scope.peers === undefined ? [] : [scope.peers.start()]
  for (const instrument of INSTRUMENTS) {
    const { name, unit, kind, combine } = instrument
    const gauge = combine === 'sum' ? 'createObservableUpDownCounter' : 'createObservableGauge'
    const observable = meter[kind === 'counter' ? 'createObservableCounter' : gauge](
      `tls_resumption.${name}`,
      { description: helpOf(instrument, scope), unit },
    )
    const observe: OpenTelemetryCallback = result => {
      for (const { value, labels } of samplesOf(instrument, scope)) result.observe(value, labels)
    }
    observable.addCallback(observe)
    stops.push(() => observable.removeCallback(observe))
  }
  for (const histogram of HISTOGRAMS) {
    const recorder = meter.createHistogram(`tls_resumption.${histogram.name}`, {
      description: helpOf(histogram, scope),
      unit: histogram.unit,
      advice: { explicitBucketBoundaries: [...histogram.buckets] },
    })
    stops.push(onValue(histogram, scope.peers, (seconds, labels) => recorder.record(seconds, labels)))
  }
  return {
    [Symbol.dispose]: () => {
      for (const stop of stops) stop()
    },
  }
}
