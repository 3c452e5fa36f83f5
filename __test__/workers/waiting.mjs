// Leads and follows connections to a port whose server says nothing, and ends the process while the follower waits.
import { once } from 'node:events'
import tls from 'node:tls'

const [, , port] = process.argv
const open = () =>
  tls.connect({ port: Number(port), host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {})
await once(open(), 'connect')
await once(open(), 'connect')
process.on('exit', () => process.stdout.write('ended'))
process.exit(7)
