import { randomBytes } from 'node:crypto'
import { find } from '../debian.ts'
import { jars } from '../maven.ts'
import { freePort, run } from '../processes.ts'
import type { RealServer } from '../site.ts'

const VERSION = '4.3.1'

/** One broker that is its own controller. Only drivers need client certificates. */
export const kafka: RealServer = {
  name: 'Kafka',
  programs: { java: ['default-jre-headless'] },
  drivers: ['kafkajs'],
  async start(site) {
    const lib = site.copy(await jars(`org.apache.kafka:kafka_2.13:${VERSION}`), 'lib')
    const [port, controller, internal] = [await freePort(), await freePort(), await freePort()]
    const settings = {
      'process.roles': 'broker,controller',
      'node.id': 1,
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'INTERNAL',
      'listener.security.protocol.map': 'SSL:SSL,CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT',
      listeners: `SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller},INTERNAL://127.0.0.1:${internal}`,
      // Drivers connect to the address that the broker announces, so it has to be the relay.
      'advertised.listeners': `SSL://localhost:${site.relay.port},INTERNAL://127.0.0.1:${internal}`,
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': site.write('keystore.pem', site.server.key + site.server.cert),
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': site.files.ca,
      'ssl.client.auth': 'required',
      'log.dirs': site.mkdir('data'),
      'offsets.topic.replication.factor': 1,
      'num.network.threads': 1,
      'num.io.threads': 2,
      'auto.create.topics.enable': true,
    }
    const text = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    const config = site.write('server.properties', text.join(''))
    const java = [find('java') ?? '', '-Xmx512m', '-cp', `${lib}/*`]
    const id = randomBytes(16).toString('base64url')
    await run([...java, 'kafka.tools.StorageTool', 'format', '-t', id, '-c', config], site.options())
    await site.start([...java, 'kafka.Kafka', config], { port, timeout: 300_000 })
    site.relay.to(port)
    return { version: VERSION }
  },
}
