import { find, versionOf } from '../debian.ts'
import { freePort } from '../processes.ts'
import type { RealServer } from '../site.ts'

/** Redis asks for client certificates by default, and so in this test. */
export const redis: RealServer = {
  name: 'Redis',
  programs: { 'redis-server': ['redis-server'] },
  drivers: ['ioredis', 'redis'],
  async start(site) {
    const port = await freePort()
    const { ca, cert, key } = site.files
    const options = {
      bind: '127.0.0.1',
      port: 0,
      'tls-port': port,
      'tls-ca-cert-file': ca,
      'tls-cert-file': cert,
      'tls-key-file': key,
      'tls-auth-clients': 'yes',
      dir: site.directory,
      appendonly: 'no',
    }
    await site.start(
      [
        find('redis-server') ?? '',
        ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]),
        '--save',
        '',
      ],
      { port },
    )
    site.relay.to(port)
    return { version: await versionOf('redis-server') }
  },
}
