import { randomBytes } from 'node:crypto'
import { find } from '../debian.ts'
import { jars } from '../maven.ts'
import { freePort, run } from '../processes.ts'
import type { RealServer } from '../site.ts'

const VERSION = '3.0.0'

/** S3Proxy speaks the protocol of S3 by Jetty and Java's TLS, and keeps objects in memory. */
export const s3: RealServer = {
  name: 'S3Proxy',
  programs: { java: ['default-jre-headless'], openssl: ['openssl'] },
  drivers: ['aws-sdk'],
  async start(site) {
    const lib = site.copy(await jars(`org.gaul:s3proxy:${VERSION}`), 'lib')
    const port = await freePort()
    const [user, password, storePassword] = [secret(), secret(), secret()]
    const keystore = site.write('keystore.p12', '')
    const { cert, key } = site.files
    const exported = [
      '-export',
      '-in',
      cert,
      '-inkey',
      key,
      '-out',
      keystore,
      '-passout',
      `pass:${storePassword}`,
    ]
    await run([find('openssl') ?? '', 'pkcs12', ...exported], site.options())
    const settings = {
      's3proxy.secure-endpoint': `https://127.0.0.1:${port}`,
      's3proxy.keystore-path': keystore,
      's3proxy.keystore-password': storePassword,
      's3proxy.authorization': 'aws-v2-or-v4',
      's3proxy.identity': user,
      's3proxy.credential': password,
      'jclouds.provider': 'transient',
      'jclouds.identity': 'unused',
      'jclouds.credential': 'unused',
    }
    const text = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    const config = site.write('s3proxy.conf', text.join(''))
    const java = [find('java') ?? '', '-Xmx256m', `-Djava.io.tmpdir=${site.mkdir('tmp')}`, '-cp', `${lib}/*`]
    await site.start([...java, 'org.gaul.s3proxy.Main', '--properties', config], { port, timeout: 300_000 })
    site.relay.to(port)
    return { version: VERSION, endpoint: { user, password } }
  },
}

function secret(): string {
  return randomBytes(16).toString('hex')
}
