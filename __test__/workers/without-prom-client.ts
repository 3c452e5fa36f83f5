/** Prints the error of `collect` without prom-client. */
import Module from 'node:module'
import { collect } from 'tls-resumption/metrics'

const internals = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string }
const resolveFilename = internals._resolveFilename
internals._resolveFilename = (request, ...rest) => {
  if (request === 'prom-client') throw new Error('not installed')
  return resolveFilename(request, ...rest)
}
try {
  collect()
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  console.log(`${code}: ${message}`)
}
