import { copyFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { find } from '../debian.ts'
import { jars } from '../maven.ts'
import { freePort } from '../processes.ts'
import type { RealServer } from '../site.ts'

const VERSION = '1.47.0'
const program = fileURLToPath(new URL('MongoServer.java', import.meta.url))

/** Debian has no MongoDB. This server speaks its protocol, by Netty and Java's TLS. */
export const mongodb: RealServer = {
  name: 'mongo-java-server',
  programs: { javac: ['default-jdk-headless'] },
  drivers: ['mongodb'],
  async start(site) {
    const lib = site.copy(await jars(`de.bwaldvogel:mongo-java-server:${VERSION}`), 'lib')
    const port = await freePort()
    const { cert, key } = site.files
    copyFileSync(program, site.write('Main.java', ''))
    const java = [find('java') ?? '', '-Xmx256m', '-cp', `${lib}/*`, site.path('Main.java')]
    await site.start([...java, `${port}`, cert, key], { port })
    site.relay.to(port)
    return { version: VERSION }
  },
}
