// Aborts or destroys a connection in the way that the first argument names, and prints the events. Starts no other work,
// so that a crash of the process is seen.
const tls = require('node:tls')
const http2 = require('node:http2')

const [, , way, port, host] = process.argv
const seen = []
const options = { port: Number(port), host, rejectUnauthorized: false }
const watch = socket =>
  socket.on('error', error => seen.push(error.name)).on('close', () => seen.push('close'))
const controller = new AbortController()
const { signal } = controller

const WAYS = {
  before: () => watch(tls.connect({ ...options, signal: AbortSignal.abort() })),
  'in the next tick': () => {
    watch(tls.connect({ ...options, signal }))
    process.nextTick(() => controller.abort())
  },
  'when connected': () => watch(tls.connect({ ...options, signal })).on('connect', () => controller.abort()),
  'when secure': () =>
    watch(tls.connect({ ...options, signal })).on('secureConnect', () => controller.abort()),
  'by destroy() in lookup': () =>
    watch(tls.connect(options)).on('lookup', function () {
      this.destroy()
    }),
  'of http2': () =>
    watch(
      http2.connect(`https://${host}:${port}`, { rejectUnauthorized: false, signal: AbortSignal.abort() }),
    ),
}
WAYS[way]()
setTimeout(() => {
  console.log(`alive: ${seen.join(' ')}`)
  process.exit()
}, 500)
