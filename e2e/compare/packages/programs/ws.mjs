import assert from 'node:assert/strict'
import { once } from 'node:events'
import { WebSocket, WebSocketServer } from 'ws'
import { settings, startWeb, visit } from './lib.mjs'

const { server, port } = await startWeb()
new WebSocketServer({ server }).on('connection', socket => socket.on('message', data => socket.send(data)))

await visit(async () => {
  const socket = new WebSocket(`wss://localhost:${port}/`, { ca: settings.ca })
  await once(socket, 'open')
  socket.send('word')
  const [data] = await once(socket, 'message')
  assert.equal(String(data), 'word')
  socket.close()
  await once(socket, 'close')
})
