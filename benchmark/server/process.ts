import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Listen, Report, Request } from './server.ts'

/** The servers of one mode, and the CPU time that they took. */
export interface Servers {
  /** The ports of each kind, one per thread, in the order of the kinds. */
  ports: number[][]
  /** Microseconds. */
  cpu(): Promise<number>
  /** What a process of Node.js has loaded, as `loadedFiles` returns it. */
  loaded?(): Promise<string[]>
  close(): Promise<void>
}

export async function startNode(listen: Listen[], threads: number): Promise<Servers> {
  const child: ChildProcess = fork(new URL('./server.ts', import.meta.url), { stdio: 'inherit' })
  const ask = async (request: Request): Promise<unknown> => {
    const answer = once(child, 'message')
    child.send(request)
    return (await answer)[0]
  }
  const report = async () => (await ask({ report: true })) as Report
  return {
    ports: (await ask({ listen, threads })) as number[][],
    cpu: async () => (await report()).cpu,
    loaded: async () => (await ask({ loaded: true })) as string[],
    async close() {
      const ended = once(child, 'exit')
      child.send({ close: true } satisfies Request)
      await ended
    },
  }
}
