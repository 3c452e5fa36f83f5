// Prints the milliseconds of CPU that loading the package takes, after the modules of Node.js that it uses.
import 'node:diagnostics_channel'
import 'node:https'
import 'node:module'
import 'node:worker_threads'

const before = process.cpuUsage()
await import('tls-resumption')
const { user, system } = process.cpuUsage(before)
console.log((user + system) / 1000)
