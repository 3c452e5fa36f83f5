/** Connects twice and posts the metrics of this thread's registry. */
import { parentPort, workerData } from 'node:worker_threads'
import { Registry } from 'prom-client'
import { connect, SessionCache } from 'tls-resumption'
import { collect } from 'tls-resumption/metrics'
import { finish } from '../support/server.ts'

const { name, port, ca } = workerData
const register = new Registry()
collect(register)
const sessionCache = new SessionCache({ name })
for (let n = 0; n < 2; n++) await finish(connect({ host: 'localhost', port, ca, sessionCache }))
parentPort?.postMessage(await register.getMetricsAsJSON())
