import type { Mode } from './mode.ts'

export const modeNames = ['none', 'per-thread', 'tls-resumption'] as const

export type ModeName = (typeof modeNames)[number]

/** Loads only one mode, so that the other modes are measured without its code. */
export async function loadMode(name: ModeName): Promise<Mode> {
  switch (name) {
    case 'none':
      return (await import('./none.ts')).none
    case 'per-thread':
      return (await import('./per-thread.ts')).perThread
    case 'tls-resumption':
      return (await import('./shared.ts')).shared
  }
}
