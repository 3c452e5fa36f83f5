import { type CollectOptions, checkCollectOptions, checkMethods } from './collect-options.js'
import { INSTRUMENTS, samplesOf } from './instruments.js'
import { onRequestDuration, REQUEST_DURATION } from './request-duration.js'

/** The part of a `Meter` of `@opentelemetry/api` that is used. */
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

/** The part of an `Observable` of `@opentelemetry/api` that is used. */
export interface OpenTelemetryObservable {
  addCallback(callback: OpenTelemetryCallback): void
  removeCallback(callback: OpenTelemetryCallback): void
}

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
 * `tls_resumption.`, as in `tls_resumption.client.connections`. They are read at each collection of the meter.
 *
 * The values belong to the calling thread, as with {@link collect}. Call it in each thread that has TLS connections, with a
 * meter whose resource identifies the thread, and add up the values in the backend.
 *
 * @returns an object whose disposal stops the collection.
 * @throws `ERR_INVALID_ARG_TYPE` if the first argument is no meter.
 * @throws `ERR_INVALID_ARG_TYPE` or `ERR_TLS_RESUMPTION_UNKNOWN_OPTION` for an invalid option.
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
  const stops = INSTRUMENTS.map(instrument => {
    const { name, help: description, unit = '', kind, combine } = instrument
    const gauge = combine === 'sum' ? 'createObservableUpDownCounter' : 'createObservableGauge'
    const observable = meter[kind === 'counter' ? 'createObservableCounter' : gauge](
      `tls_resumption.${name}`,
      { description, unit },
    )
    const observe: OpenTelemetryCallback = result => {
      for (const { value, labels } of samplesOf(instrument, scope)) result.observe(value, labels)
    }
    observable.addCallback(observe)
    return () => observable.removeCallback(observe)
  })
  const histogram = meter.createHistogram(`tls_resumption.${REQUEST_DURATION.name}`, {
    description: REQUEST_DURATION.help,
    unit: REQUEST_DURATION.unit,
    advice: { explicitBucketBoundaries: [...REQUEST_DURATION.buckets] },
  })
  stops.push(onRequestDuration((seconds, labels) => histogram.record(seconds, labels)))
  return {
    [Symbol.dispose]: () => {
      for (const stop of stops) stop()
    },
  }
}
