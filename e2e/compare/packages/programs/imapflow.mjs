import assert from 'node:assert/strict'
import { ImapFlow } from 'imapflow'
import { settings, visit } from './lib.mjs'

const { ca, host, port, user, password } = settings

await visit(async () => {
  const client = new ImapFlow({
    host,
    port,
    secure: true,
    auth: { user, pass: password },
    tls: { ca },
    logger: false,
  })
  client.on('error', () => {})
  await client.connect()
  assert((await client.list()).some(({ path }) => path === 'INBOX'))
  await client.logout()
})
