/** The types of `tls-resumption/undici`. */
import type net from 'node:net'
import { expectTypeOf } from 'expect-type'
import type { ResumptionOptions } from 'tls-resumption'
import {
  type BuildConnectorOptions,
  buildConnector,
  type ConnectorCallback,
  type ConnectorOptions,
} from 'tls-resumption/undici'

expectTypeOf(buildConnector).parameters.toEqualTypeOf<[options?: BuildConnectorOptions | undefined]>()
expectTypeOf(buildConnector).returns.parameter(0).toEqualTypeOf<ConnectorOptions>()
expectTypeOf(buildConnector).returns.parameter(1).toEqualTypeOf<ConnectorCallback>()
expectTypeOf(buildConnector).returns.returns.toEqualTypeOf<net.Socket>()
expectTypeOf<BuildConnectorOptions>().toExtend<ResumptionOptions>()
expectTypeOf<BuildConnectorOptions['timeout']>().toEqualTypeOf<number | undefined>()
expectTypeOf<ConnectorOptions['hostname']>().toEqualTypeOf<string>()
// @ts-expect-error A session is the cache's to choose.
expectTypeOf(buildConnector).toBeCallableWith({ session: Buffer.alloc(1) })
