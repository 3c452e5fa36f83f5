/** Starts the processes of `host.ts`. */
import { fileURLToPath } from 'node:url'
import type { Scope } from '../../__test__/support/store.ts'
import { start, stop } from '../drivers/processes.ts'
import type { HostOptions, Told } from './host.ts'
import type { ServerHandshake } from './judge.ts'
import type { Placement } from './kinds.ts'

/** The servers of a placement, and their reports since the last call. */
export interface Host {
  placement: Placement
  ports: number[][]
  told: (ServerHandshake | string)[]
  /** Resolves when this path is requested. */
  hears(path: string): Promise<void>
}

export async function startHost(scope: Scope, options: HostOptions): Promise<Host> {
  const child = start(
    [
      process.execPath,
      ...process.execArgv,
      fileURLToPath(new URL('host.ts', import.meta.url)),
      JSON.stringify(options),
    ],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  )
  scope.teardown(() => stop(child))
  const told: Host['told'] = []
  let handshakes = 0
  const waiting = new Map<string, () => void>()
  const ports = new Promise<number[][]>((resolve, reject) => {
    child.on('exit', code => reject(new Error(`the servers of ${options.placement} ended with ${code}`)))
    child.on('message', (message: Told) => {
      if ('ports' in message) resolve(message.ports)
      else if ('handshake' in message) {
        told.push(message.handshake)
        if (++handshakes % (options.handshakesPerRotation ?? Number.POSITIVE_INFINITY) === 0)
          child.send('rotate')
      } else waiting.get(message.path)?.()
    })
  })
  const hears = (path: string) => new Promise<void>(resolve => waiting.set(path, resolve))
  return { placement: options.placement, ports: await ports, told, hears }
}
