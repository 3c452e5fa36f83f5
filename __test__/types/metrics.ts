/** The types of `tls-resumption/metrics`, and their compatibility with the real collectors. */
import type { Meter } from '@opentelemetry/api'
import { expectTypeOf } from 'expect-type'
import type { Registry } from 'prom-client'
import {
  type CollectOptions,
  collect,
  collectOpenTelemetry,
  type OpenTelemetryCallback,
  type OpenTelemetryInstrumentOptions,
  type OpenTelemetryMeter,
  type OpenTelemetryObservable,
  type PrometheusRegistry,
} from 'tls-resumption/metrics'

expectTypeOf<Registry>().toExtend<PrometheusRegistry>()
expectTypeOf<Meter>().toExtend<OpenTelemetryMeter>()
expectTypeOf(collect).parameter(0).toEqualTypeOf<PrometheusRegistry | undefined>()
expectTypeOf(collect).parameter(1).toEqualTypeOf<CollectOptions | undefined>()
expectTypeOf(collect).returns.toEqualTypeOf<Disposable>()
expectTypeOf(collectOpenTelemetry).parameter(0).toEqualTypeOf<OpenTelemetryMeter>()
expectTypeOf(collectOpenTelemetry).parameter(1).toEqualTypeOf<CollectOptions | undefined>()
expectTypeOf(collectOpenTelemetry).returns.toEqualTypeOf<Disposable>()
expectTypeOf<OpenTelemetryObservable['addCallback']>().toEqualTypeOf<
  (callback: OpenTelemetryCallback) => void
>()
expectTypeOf<OpenTelemetryInstrumentOptions>().toEqualTypeOf<{ description: string; unit: string }>()
expectTypeOf<CollectOptions>().toEqualTypeOf<{
  maxPeers?: number | undefined
  processWide?: boolean | undefined
}>()
// @ts-expect-error Without a meter there is nothing to register with.
collectOpenTelemetry()
