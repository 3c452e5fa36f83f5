/** A server whose ticket keys are in a file. Its parent gets the port, and can rotate and revoke. */
import type { AddressInfo } from 'node:net'
import tls from 'node:tls'
import { revokeSessions, TicketKeys } from 'tls-resumption'

const { path, cert, key, rotateEvery, isVerifying } = JSON.parse(process.argv[2] as string)
const keys = new TicketKeys({ path, rotateEvery })
const trust = isVerifying ? { requestCert: true, rejectUnauthorized: false } : {}
const server = tls.createServer({ cert, key, sessionIdContext: 'shared', ...trust }, socket => {
  socket.on('error', () => {})
  socket.end('!')
})
server.on('tlsClientError', () => {})
keys.attach(server)
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))

process.on('message', async (what: 'rotate' | 'revoke' | 'keys') => {
  if (what === 'rotate') await keys.rotate()
  if (what === 'revoke') await revokeSessions(server)
  process.send?.(keys.stats().keys.length)
})
process.on('disconnect', () => process.exit())
