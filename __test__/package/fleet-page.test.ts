/** The first program of docs/how-to/run-a-fleet.md runs as it is printed, but for the address of the store. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { testAuthority } from '../support/server.ts'
import { startStore } from '../support/store.ts'
import { testWithStore as test } from '../support/test-with-store.ts'
import { runNode } from '../workers/spawn.ts'

const root = join(import.meta.dirname, '..', '..')

test('fleet page: with its program, clients resume at another process, by ticket and by session ID', async t => {
  const page = readFileSync(join(root, 'docs', 'how-to', 'run-a-fleet.md'), 'utf8')
  const [, printed = ''] = /```js\n(.*?)```/s.exec(page) ?? []
  const { port } = await startStore(t)
  const program = printed.replace('redis://store.example', `redis://127.0.0.1:${port}`)
  t.not(program, printed)
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', dnsNames: ['localhost'], usage: 'server' })
  const folder = await mkdtemp(join(root, 'target', 'fleet-page-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'host.mjs')
  await writeFile(file, hostProgram(program, identity, ca))
  const env = { SEALING_KEY: randomBytes(32).toString('base64'), FOLDER: folder }
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const made = await runNode([file, version], env)
    t.is(made.stdout, 'false\n', made.stderr)
    const used = await runNode([file, version], env)
    t.is(used.stdout, 'true\n', used.stderr)
  }
})

/** A server for the printed program, and a client that keeps its session in a file. */
function hostProgram(program: string, identity: object, ca: string): string {
  return `
import fs from 'node:fs'
import { once } from 'node:events'
import tls from 'node:tls'
const [version] = process.argv.slice(2)
const server = tls.createServer({ ...${JSON.stringify(identity)}, maxVersion: version }, socket => socket.end('!'))
${program}
const file = process.env.FOLDER + '/' + version
await once(server.listen(0, '127.0.0.1'), 'listening')
const connect = async () => {
  const session = fs.existsSync(file) ? fs.readFileSync(file) : undefined
  const socket = tls.connect({ port: server.address().port, host: '127.0.0.1', servername: 'localhost', ca: ${JSON.stringify(ca)}, session })
  socket.on('session', made => fs.writeFileSync(file, made))
  await once(socket, 'secureConnect')
  const resumed = socket.isSessionReused()
  socket.resume()
  await once(socket, 'close')
  return resumed
}
// A host that has just started may not have read the store yet.
await new Promise(resolve => setTimeout(resolve, 1500))
console.log(await connect())
process.exit()
`
}
