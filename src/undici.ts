/**
 * A connector for undici's dispatchers.
 *
 * @packageDocumentation
 * @module tls-resumption/undici
 */
export {
  type BuildConnectorOptions,
  buildConnector,
  type ConnectorCallback,
  type ConnectorOptions,
} from './client/adapters/undici.js'
