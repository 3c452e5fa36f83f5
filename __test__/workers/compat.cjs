// A program for the npm package tls-session-cache, with the name of the package changed. Prints the kinds of handshakes.
const tls = require('node:tls')
const cacheSessions = require('tls-resumption/compat')

const [, , identity, ca] = process.argv
const server = tls.createServer({ ...JSON.parse(identity), maxVersion: 'TLSv1.2', secureOptions: 0x4000 })
cacheSessions(server, { maxCachedSessions: 1 })
server.on('secureConnection', socket => socket.end(socket.isSessionReused() ? 'resumed' : 'full'))
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address()
  const said = []
  const visit = session =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca, session })
      let mine
      socket.on('secureConnect', () => {
        mine = socket.getSession()
      })
      socket.on('data', data => said.push(String(data)))
      socket.on('error', reject)
      socket.on('close', () => resolve(mine))
    })
  const first = await visit()
  await visit(await visit(first))
  await visit() // evicts the session of the first visit
  await visit(first)
  console.log(JSON.stringify({ said, type: typeof cacheSessions }))
  server.close()
})
