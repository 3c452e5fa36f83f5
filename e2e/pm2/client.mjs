// A client for pm2's cluster mode. It connects twice, one after the other, and stays.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import tls from 'node:tls'

const { FOLDER, PORT } = process.env
const ca = readFileSync(join(FOLDER, 'ca.pem'))
for (let n = 0; n < 2; n++) {
  const socket = tls.connect({ port: Number(PORT), host: '127.0.0.1', servername: 'localhost', ca })
  await once(socket.resume(), 'close')
}
setInterval(() => {}, 60_000)
