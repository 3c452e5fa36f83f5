import { find } from '../debian.ts'
import { jars } from '../maven.ts'
import { freePort } from '../processes.ts'
import type { RealServer, Site } from '../site.ts'

const VERSION = '5.0.5'

/** The internals of Java 17 that Cassandra's start script opens. */
const OPENED = [
  'java.io java.lang java.lang.module java.lang.reflect java.net java.nio java.util java.util.concurrent',
  'java.util.concurrent.atomic java.util.jar jdk.internal.loader jdk.internal.math jdk.internal.module',
  'jdk.internal.ref jdk.internal.reflect sun.nio.ch',
].flatMap(packages => packages.split(' ').map(name => `java.base/${name}`))
const EXPORTED = [
  'java.base/java.lang.ref',
  'java.base/jdk.internal.misc',
  'java.management.rmi/com.sun.jmx.remote.internal.rmi',
  'java.rmi/sun.rmi.registry',
  'java.rmi/sun.rmi.server',
  'java.rmi/sun.rmi.transport.tcp',
  'java.sql/java.sql',
  'jdk.unsupported/sun.misc',
]

/** The default: TLS by the bundled BoringSSL, client certificates required. (5.0 has no optional ones.) */
export const cassandra: RealServer = {
  name: 'Cassandra',
  programs: { java: ['default-jre-headless'] },
  drivers: ['cassandra'],
  start: site => start(site, { requireClientAuth: true, optional: false, flags: [] }),
}

/** TLS by Java, without client certificates, and with plain connections on the same port. */
export const cassandraJsse: RealServer = {
  ...cassandra,
  name: 'Cassandra, TLS by Java and optional',
  start: site =>
    start(site, {
      requireClientAuth: false,
      optional: true,
      flags: ['-Dcassandra.disable_tcactive_openssl=true'],
    }),
}

async function start(
  site: Site,
  how: { requireClientAuth: boolean; optional: boolean; flags: readonly string[] },
): ReturnType<RealServer['start']> {
  const lib = site.copy(await jars(`org.apache.cassandra:cassandra-all:${VERSION}`), 'lib')
  const [port, storagePort, unused] = [await freePort(), await freePort(), await freePort()]
  const keystore = site.write('keystore.pem', site.server.key + site.server.cert)
  // YAML includes JSON.
  const config = site.write(
    'cassandra.yaml',
    JSON.stringify({
      cluster_name: 'test',
      num_tokens: 1,
      partitioner: 'org.apache.cassandra.dht.Murmur3Partitioner',
      commitlog_sync: 'periodic',
      commitlog_sync_period: '10s',
      endpoint_snitch: 'SimpleSnitch',
      listen_address: '127.0.0.1',
      rpc_address: '127.0.0.1',
      storage_port: storagePort,
      ssl_storage_port: unused,
      native_transport_port: port,
      seed_provider: [
        {
          class_name: 'org.apache.cassandra.locator.SimpleSeedProvider',
          parameters: [{ seeds: `127.0.0.1:${storagePort}` }],
        },
      ],
      memtable_heap_space: '32MiB',
      memtable_offheap_space: '32MiB',
      client_encryption_options: {
        enabled: true,
        optional: how.optional,
        require_client_auth: how.requireClientAuth,
        ssl_context_factory: { class_name: 'org.apache.cassandra.security.PEMBasedSslContextFactory' },
        keystore,
        truststore: site.files.ca,
      },
    }),
  )
  await site.start(
    [
      find('java') ?? '',
      ...OPENED.map(name => `--add-opens=${name}=ALL-UNNAMED`),
      ...EXPORTED.map(name => `--add-exports=${name}=ALL-UNNAMED`),
      '-Xmx512m',
      `-Djava.io.tmpdir=${site.mkdir('tmp')}`,
      `-Dlogback.configurationFile=file://${site.write('logback.xml', LOGGING)}`,
      `-Dcassandra.config=file://${config}`,
      `-Dcassandra.storagedir=${site.mkdir('data')}`,
      '-Dcassandra-foreground=yes',
      '-Dcassandra.skip_wait_for_gossip_to_settle=0',
      '-Dcassandra.superuser_setup_delay_ms=0',
      '-Dcassandra.ring_delay_ms=0',
      ...how.flags,
      '-cp',
      `${lib}/*`,
      'org.apache.cassandra.service.CassandraDaemon',
    ],
    { port, timeout: 300_000 },
  )
  site.relay.to(port)
  return { version: VERSION }
}

const LOGGING = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
`
