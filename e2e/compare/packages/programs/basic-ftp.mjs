/** Logs in, lists, stores and fetches, each over a data connection that has to resume the control connection's session. */
import assert from 'node:assert/strict'
import { Readable, Writable } from 'node:stream'
import { Client } from 'basic-ftp'
import { settings, visit } from './lib.mjs'

const { ca, host, port, user, password } = settings

await visit(async index => {
  const client = new Client(10_000)
  try {
    await client.access({
      host,
      port,
      user,
      password,
      secure: true,
      secureOptions: { ca, host: 'localhost' },
    })
    // A server does not let anonymous users write into the root.
    if (user === 'anonymous') await client.cd('upload')
    const text = `visit ${index}`
    await client.uploadFrom(Readable.from([text]), 'file.txt')
    const files = await client.list()
    assert(files.some(({ name }) => name === 'file.txt'))
    const chunks = []
    const sink = new Writable({
      write(chunk, _encoding, callback) {
        chunks.push(chunk)
        callback()
      },
    })
    await client.downloadTo(sink, 'file.txt')
    assert.equal(Buffer.concat(chunks).toString(), text)
    await client.remove('file.txt')
  } finally {
    client.close()
  }
})
