/** Measures a million sessions, in one process per store, so that no store reuses freed memory of another. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Held } from './held.ts'

export const NOTHING = 'nothing'
export const OURS = 'tls-resumption'
export const LRU = 'lru-cache'
export const STORES = [NOTHING, OURS, LRU] as const

export type Holding = Record<(typeof STORES)[number], Held>

const PROGRAM = fileURLToPath(new URL('./holding.ts', import.meta.url))
const FLAGS = [
  '--expose-gc',
  '--max-old-space-size=8192',
  '--import',
  './scripts/lib/typescript.mjs',
  PROGRAM,
]

export async function million(): Promise<Holding> {
  return { [NOTHING]: await held(NOTHING), [OURS]: await held(OURS), [LRU]: await held(LRU) }
}

async function held(store: string): Promise<Held> {
  const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, store])
  return JSON.parse(stdout)
}
