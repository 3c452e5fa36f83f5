import { readFileSync } from 'node:fs'

/** A way to connect that is tested: a module in `drivers`. */
export interface Driver {
  /** The name in the table. */
  title: string
  /** The package whose version is recorded. Omitted for Node's own clients. */
  package?: string
  /** The driver's option that makes it resume without `auto`, if it has one. */
  option?: string
}

export const drivers: Readonly<Record<string, Driver>> = {
  ioredis: { title: 'ioredis', package: 'ioredis', option: 'Connector' },
  redis: { title: 'redis', package: 'redis' },
  mysql2: { title: 'mysql2', package: 'mysql2' },
  'mysql2-verify-identity': { title: 'mysql2, `verifyIdentity`', package: 'mysql2' },
  mariadb: { title: 'mariadb', package: 'mariadb' },
  pg: { title: 'pg', package: 'pg' },
  https: { title: 'https', option: 'agent' },
  fetch: { title: 'fetch', option: 'dispatcher' },
  http2: { title: 'http2', option: 'createConnection' },
  undici: { title: 'undici', package: 'undici', option: 'connect' },
  got: { title: 'got', package: 'got', option: 'agent' },
  'got-http2': { title: 'got, `http2`', package: 'got' },
  axios: { title: 'axios', package: 'axios', option: 'httpsAgent' },
  ws: { title: 'ws', package: 'ws', option: 'agent' },
  mqtt: { title: 'mqtt', package: 'mqtt', option: 'streamBuilder' },
  amqplib: { title: 'amqplib', package: 'amqplib' },
  kafkajs: { title: 'kafkajs', package: 'kafkajs', option: 'socketFactory' },
  mongodb: { title: 'mongodb', package: 'mongodb' },
  grpc: { title: 'grpc-js', package: '@grpc/grpc-js' },
  'aws-sdk': { title: 'AWS SDK, S3', package: '@aws-sdk/client-s3', option: 'httpsAgent' },
  cassandra: { title: 'cassandra-driver', package: 'cassandra-driver' },
}

/** Returns the installed version of a driver, or Node's. */
export function versionOfDriver({ package: name }: Driver): string {
  if (name === undefined) return process.versions.node
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}
