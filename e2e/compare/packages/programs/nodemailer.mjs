/** Sends by SMTP over TLS from the start, and after STARTTLS. */
import assert from 'node:assert/strict'
import nodemailer from 'nodemailer'
import { SMTPServer } from 'smtp-server'
import { listen, settings, textOf, visit } from './lib.mjs'

const { ca, cert, key } = settings
const received = []
const options = {
  cert,
  key,
  authOptional: true,
  onData(stream, _session, callback) {
    textOf(stream).then(text => {
      received.push(text)
      callback()
    }, callback)
  },
}
const ports = []
for (const secure of [true, false]) {
  const server = new SMTPServer({ ...options, secure })
  server.on('error', () => {})
  ports.push(await listen(server.server))
}

await visit(async index => {
  for (const [which, port] of ports.entries()) {
    const transport = nodemailer.createTransport({
      host: 'localhost',
      port,
      secure: which === 0,
      requireTLS: true,
      tls: { ca },
    })
    await transport.sendMail({
      from: 'a@localhost',
      to: 'b@localhost',
      subject: `visit ${index}`,
      text: 'word',
    })
    assert.match(received.at(-1), new RegExp(`visit ${index}`))
    transport.close()
  }
})
