/**
 * Metrics for Prometheus (`prom-client`) and OpenTelemetry: how many connections resume, and why the others do not.
 *
 * @packageDocumentation
 * @module tls-resumption/metrics
 */
export type { CollectOptions } from './metrics/collect-options.js'
export {
  collectOpenTelemetry,
  type OpenTelemetryCallback,
  type OpenTelemetryInstrumentOptions,
  type OpenTelemetryMeter,
  type OpenTelemetryObservable,
} from './metrics/opentelemetry.js'
export { collect, type PrometheusRegistry } from './metrics/prometheus.js'
