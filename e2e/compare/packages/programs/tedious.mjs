/** Connects in strict mode, where TLS comes first, to an imitation that hangs on a resumed connection as SQL Server does. */
import tls from 'node:tls'
import { Connection } from 'tedious'
import { counted, listen, settings, visit } from './lib.mjs'

const { ca, cert, key } = settings
const PORT = 1433
const RESPONSE = 4
const PRELOGIN = 18
const LOGIN = 16

const server = tls.createServer({ cert, key, ALPNProtocols: ['tds/8.0'] }, socket => {
  if (socket.isSessionReused()) return
  let received = Buffer.alloc(0)
  socket.on('data', chunk => {
    received = Buffer.concat([received, chunk])
    while (received.length >= 8 && received.length >= received.readUInt16BE(2)) {
      const [type, isLast] = [received[0], received[1] & 1]
      received = received.subarray(received.readUInt16BE(2))
      if (isLast) socket.write(packet(answers[type] ?? done()))
    }
  })
})
const port = await listen(counted(server), PORT)
const answers = { [PRELOGIN]: prelogin(), [LOGIN]: Buffer.concat([loginAck(), done()]) }

await visit(
  () =>
    new Promise((resolve, reject) => {
      const connection = new Connection({
        server: 'localhost',
        authentication: { type: 'default', options: { userName: 'tester', password: 'secret' } },
        options: {
          port,
          encrypt: 'strict',
          trustServerCertificate: false,
          cryptoCredentialsDetails: { ca },
          connectTimeout: 3000,
        },
      })
      connection.on('end', resolve)
      connection.connect(error => (error ? reject(error) : connection.close()))
    }),
)

function packet(payload) {
  const header = Buffer.from([RESPONSE, 1, 0, 0, 0, 0, 1, 0])
  header.writeUInt16BE(8 + payload.length, 2)
  return Buffer.concat([header, payload])
}

/** Version 16.0, and no encryption within TLS. */
function prelogin() {
  return Buffer.from([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255, 16, 0, 0, 0, 0, 0, 2])
}

function loginAck() {
  const name = Buffer.from('imitation', 'utf16le')
  const body = Buffer.concat([
    Buffer.from([1, 8, 0, 0, 0, name.length / 2]),
    name,
    Buffer.from([16, 0, 0, 0]),
  ])
  return Buffer.concat([Buffer.from([0xad, body.length, 0]), body])
}

function done() {
  return Buffer.from([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}
