// Loads every entry by import and by require, without the optional peers. Prints the problems.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { name, exports, peerDependencies } = require('tls-resumption/package.json')

for (const peer of Object.keys(peerDependencies)) {
  try {
    require.resolve(peer)
    console.log(`${peer} is installed`)
  } catch {}
}
for (const entry of Object.keys(exports).filter(path => path !== './package.json')) {
  const id = entry.replace('.', name)
  const imported = await import(id)
  const required = require(id)
  if (required !== imported.default)
    console.log(`require('${id}') and import('${id}') return different modules`)
}

const { RedisTier } = await import('tls-resumption/redis')
const { collect } = await import('tls-resumption/metrics')
for (const [use, wanted] of [
  [() => new RedisTier({ client: {}, keys: [] }), /'ioredis' or 'redis'/],
  [() => collect(), /npm install prom-client$/],
]) {
  try {
    use()
    console.log(`${use} does not throw`)
  } catch ({ message }) {
    if (!wanted.test(message)) console.log(`${use} says: ${message}`)
  }
}
