// What loading the package costs, in milliseconds of CPU, after the modules of Node.js that it builds on.
import 'node:diagnostics_channel'
import 'node:https'
import 'node:module'
import 'node:worker_threads'

const before = process.cpuUsage()
await import('tls-resumption')
const { user, system } = process.cpuUsage(before)
console.log((user + system) / 1000)
