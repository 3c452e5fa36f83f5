/**
 * Writes real sessions for the fuzzer to start from, in both forms of Node, from servers that it starts:
 *
 *     node --import ./scripts/lib/typescript.mjs scripts/test/fuzz-seeds.mjs FOLDER
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import tls from 'node:tls'
import { createAuthority } from '../../fixtures/certificates.ts'

const PREFIX = Buffer.from('\0nodejs:tls:session:1\0')
const NAME = 'localhost'
const [folder] = process.argv.slice(2)

mkdirSync(folder, { recursive: true })
for (const algorithm of ['ecdsa', 'rsa']) {
  const authority = await createAuthority({ algorithm })
  const server = await authority.issue({ usage: 'server', commonName: NAME })
  const client = await authority.issue({ usage: 'client', commonName: 'client' })
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    for (const mutual of [false, true]) {
      const session = await sessionOf({ authority, server, client: mutual ? client : {}, version })
      const raw = session.subarray(0, PREFIX.length).equals(PREFIX) ? unwrapped(session) : session
      const file = `${folder}/${algorithm}-${version}${mutual ? '-mutual' : ''}`
      writeFileSync(file, raw)
      writeFileSync(`${file}-wrapped`, wrapped(raw))
    }
  }
}

async function sessionOf({ authority, server: identity, client, version }) {
  const server = tls.createServer({
    ...identity,
    ca: authority.cert,
    requestCert: client.cert !== undefined,
    minVersion: version,
    maxVersion: version,
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    return await new Promise((resolve, reject) => {
      const socket = tls.connect({
        ...client,
        host: '127.0.0.1',
        port: server.address().port,
        servername: NAME,
        ca: authority.cert,
      })
      socket.once('session', session => {
        socket.end()
        resolve(session)
      })
      socket.once('error', reject)
      socket.resume()
    })
  } finally {
    server.close()
  }
}

function wrapped(raw) {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(NAME.length)
  return Buffer.concat([PREFIX, length, Buffer.from(NAME), raw])
}

function unwrapped(blob) {
  const length = blob.readUInt16BE(PREFIX.length)
  return blob.subarray(PREFIX.length + 2 + length)
}
