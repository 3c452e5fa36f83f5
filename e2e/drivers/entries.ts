import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const results = new URL('../../benchmark/results/', import.meta.url)

interface Entries<Entry> {
  /** Adds entries, or replaces those with the same identity. */
  record(entries: readonly Entry[]): void
  /** Returns what has been recorded so far. */
  recorded(): Entry[]
}

/**
 * Opens a file of `benchmark/results` that is a list, which runs of parts bring up to date. Of two entries with the same
 * identity the later one replaces the other. Entries whose identities begin with the same two values share a line.
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
      const lines = new Map<string, string[]>()
      for (const entry of all) {
        const line = JSON.stringify(identityOf(entry).slice(0, 2))
        lines.set(line, [...(lines.get(line) ?? []), JSON.stringify(entry)])
      }
      mkdirSync(results, { recursive: true })
      writeFileSync(file, `[\n${[...lines.values()].map(line => line.join(', ')).join(',\n')}\n]\n`)
    },
    recorded,
  }
}
