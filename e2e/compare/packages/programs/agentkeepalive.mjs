import assert from 'node:assert/strict'
import https from 'node:https'
import agentkeepalive from 'agentkeepalive'
import { settings, startWeb, textOf, visit } from './lib.mjs'

const { port } = await startWeb()
// Between visits the connections have idled for too long and close.
const agent = new agentkeepalive.HttpsAgent({ ca: settings.ca, freeSocketTimeout: 30, maxSockets: 2 })

await visit(async () => {
  const paths = ['/a', '/b', '/c', '/d']
  assert.deepEqual(await Promise.all(paths.map(get)), paths)
  await new Promise(resolve => setTimeout(resolve, 80))
})

function get(path) {
  return new Promise((resolve, reject) => {
    https
      .get({ host: 'localhost', port, path, agent }, response => textOf(response).then(resolve, reject))
      .on('error', reject)
  })
}
