import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import type { SessionCacheStats } from 'tls-resumption'
import type { Request } from '../workers/shares-file.ts'
import type { Outcome } from './outcome.ts'

/** True where processes can share a file: the tests of it are skipped elsewhere. */
export const hasSharedFiles: boolean = process.platform === 'linux'

/** Returns a path on tmpfs in a folder of its own, which is removed when the test ends. */
export function pathOnTmpfs(t: ExecutionContext): string {
  const folder = mkdtempSync('/dev/shm/tls-resumption-test-')
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'cache')
}

/** A process that connects with a cache in a file, in one or more threads. */
export interface SharingProcess {
  /** Has each thread connect to the ports, and returns all outcomes. */
  connect(
    ports: number[],
    options?: { servername?: string; times?: number; hasOwnCheck?: boolean },
  ): Promise<Outcome[]>
  purge(host: string): Promise<void>
  stats(): Promise<SessionCacheStats>
  /** Ends it by SIGKILL. */
  kill(): Promise<void>
  readonly child: ChildProcess
}

/** Starts such a process. It is killed when the test ends. */
export async function startSharing(
  t: ExecutionContext,
  settings: { path: string; ca?: string | undefined; threads?: number; max?: number },
  execArgv: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Promise<SharingProcess> {
  const script = new URL('../workers/shares-file.ts', import.meta.url)
  const child = fork(script, [JSON.stringify({ threads: 1, ...settings })], {
    execArgv: [...process.execArgv, ...execArgv],
    env,
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'message')
  const ask = async (request: Request) => {
    child.send(request)
    const [answers] = await once(child, 'message')
    return answers as unknown[]
  }
  return {
    child,
    connect: async (ports, options = {}) => (await ask({ ports, ...options })).flat() as Outcome[],
    purge: async host => {
      await ask({ purge: host })
    },
    stats: async () => (await ask({ stats: true }))[0] as SessionCacheStats,
    kill: async () => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
