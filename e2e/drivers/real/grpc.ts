import { copyFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { versionOf } from '../debian.ts'
import { freePort } from '../processes.ts'
import type { RealServer } from '../site.ts'

const program = fileURLToPath(new URL('grpc-server.py', import.meta.url))

/** The server of gRPC's C++ core, started by its Python package. */
export const grpc: RealServer = {
  name: 'gRPC core',
  programs: { '../lib/python3/dist-packages/grpc': ['python3-grpcio'] },
  drivers: ['grpc'],
  async start(site) {
    const port = await freePort()
    const { cert, key } = site.files
    copyFileSync(program, site.write('server.py', ''))
    // Debian's package is only found by Debian's interpreter.
    await site.start(['/usr/bin/python3', site.path('server.py'), `${port}`, cert, key], { port })
    site.relay.to(port)
    return { version: await versionOf('python3-grpcio') }
  },
}
