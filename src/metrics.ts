/**
 * Metrics for Prometheus (`prom-client`) and OpenTelemetry: what resumes, what does not, and why.
 *
 * @packageDocumentation
 * @module tls-resumption/metrics
 */
export {
  type CollectOptions,
  collect,
  collectOpenTelemetry,
  type OpenTelemetryCallback,
  type OpenTelemetryInstrumentOptions,
  type OpenTelemetryMeter,
  type OpenTelemetryObservable,
  type PrometheusRegistry,
} from './metrics/prometheus.js'
