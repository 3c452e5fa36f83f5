import { find, versionOf } from '../debian.ts'
import { freePort } from '../processes.ts'
import type { RealServer } from '../site.ts'

export const mosquitto: RealServer = {
  name: 'mosquitto',
  programs: { mosquitto: ['mosquitto'] },
  drivers: ['mqtt'],
  async start(site) {
    const port = await freePort()
    const { ca, cert, key } = site.files
    const config = site.write(
      'mosquitto.conf',
      `listener ${port} 127.0.0.1
cafile ${ca}
certfile ${cert}
keyfile ${key}
require_certificate true
allow_anonymous true
persistence false
`,
    )
    await site.start([find('mosquitto') ?? '', '-c', config], { port })
    site.relay.to(port)
    return { version: await versionOf('mosquitto') }
  },
}
