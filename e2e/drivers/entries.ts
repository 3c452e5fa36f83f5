import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const results = new URL('../../benchmark/results/', import.meta.url)

interface Entries<Entry> {
  /** Puts what was seen in the place of what was recorded of the same before, and leaves the rest. */
  record(entries: readonly Entry[]): void
  /** What has been recorded so far. */
  recorded(): Entry[]
}

/**
 * A file of `benchmark/results` that is a list, a line an entry, which runs of parts bring up to date. `identityOf` tells
 * entries apart: of two that agree in it the later one holds.
 */
export function entriesIn<Entry>(name: string, identityOf: (entry: Entry) => unknown[]): Entries<Entry> {
  const file = new URL(name, results)
  const idOf = (entry: Entry) => JSON.stringify(identityOf(entry))
  const recorded = (): Entry[] => {
    try {
      return JSON.parse(readFileSync(file, 'utf8'))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }
  return {
    record(entries) {
      const fresh = new Set(entries.map(idOf))
      const kept = recorded().filter(entry => !fresh.has(idOf(entry)))
      const all = [...kept, ...entries].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
      mkdirSync(results, { recursive: true })
      writeFileSync(file, `[\n${all.map(entry => `  ${JSON.stringify(entry)}`).join(',\n')}\n]\n`)
    },
    recorded,
  }
}
