/** Compares what `auto` shows in each visit with what Node.js shows without it. */
import { ENOUGH, RUNS } from '../judge.ts'
import type { Mode } from '../modes.ts'
import { type Difference, differencesOf } from './differences.ts'
import { normalise, withoutCertificatesOf } from './normalise.ts'
import { type Seen, type Setting, type Visit, visitAll } from './session.ts'

/** One visit that only `auto` shows in this way. */
export interface Finding {
  key: string
  differences: Difference[]
}

export interface Outcome {
  visits: number
  /** Visits of `auto` that resumed. */
  resumed: number
  /** Visits that plain Node.js does not survive, so that there is nothing to compare with. */
  incomparable: string[]
  findings: Finding[]
}

/** How much longer than the longest visit of plain Node.js one of `auto` may take. */
const MAX_DELAY_MS = 300

/** Visits every way in each mode once, and those that differ until there have been five runs. */
export async function compareWays(setting: Setting, only?: readonly string[]): Promise<Outcome> {
  const comparison = new Comparison()
  const visit = (mode: Mode, names?: readonly string[]) => visitAll(setting, mode, names)
  const [plain, auto] = await Promise.all([visit('plain', only), visit('auto', only)])
  comparison.add('plain', plain)
  comparison.add('auto', auto)
  for (let run = 1; run < RUNS; run++) {
    const names = comparison.undecided(RUNS - run).map(key => key.split(' · ')[0] ?? key)
    if (names.length === 0) break
    const unique = [...new Set(names)]
    const [again, tls, once] = await Promise.all([
      visit('plain', unique),
      run === 1 ? visit('tls', unique) : new Map(),
      visit('auto', unique),
    ])
    comparison.add('plain', again)
    comparison.add('plain', tls)
    comparison.add('auto', once)
  }
  return {
    visits: auto.size,
    resumed: [...auto.values()].filter(({ reused }) => Object.values(reused).includes(true)).length,
    incomparable: comparison.incomparable(),
    findings: comparison.findings(),
  }
}

/** What the runs of either side have shown, by visit. */
class Comparison {
  readonly #visits = { plain: new Map<string, Visit[]>(), auto: new Map<string, Visit[]>() }

  add(side: 'plain' | 'auto', seen: Seen): void {
    for (const [key, visit] of seen) {
      const list = this.#visits[side].get(key) ?? []
      list.push({ ...visit, record: normalise(visit.record, key) })
      this.#visits[side].set(key, list)
    }
  }

  /** Returns the visits of which `more` runs decide whether they are findings. */
  undecided(more: number): string[] {
    return this.#keys().filter(key =>
      [...this.#failuresByPlace(key).values()].some(
        ({ length }) => length < ENOUGH && length + more >= ENOUGH,
      ),
    )
  }

  incomparable(): string[] {
    return this.#keys().filter(key => this.#plainOf(key).length === 0)
  }

  findings(): Finding[] {
    return this.#keys()
      .map(key => {
        const lasting = [...this.#failuresByPlace(key).values()].filter(({ length }) => length >= ENOUGH)
        return { key, differences: lasting.flatMap(list => list.slice(-1)) }
      })
      .filter(({ differences }) => differences.length > 0)
  }

  /** Returns the differences of all runs by their place: what differs once in one place and once in another is chance. */
  #failuresByPlace(key: string): Map<string, Difference[]> {
    const places = new Map<string, Difference[]>()
    for (const difference of this.#failures(key).flat()) {
      places.set(difference.where, [...(places.get(difference.where) ?? []), difference])
    }
    return places
  }

  #keys(): string[] {
    return [...this.#visits.auto.keys()]
  }

  /** Returns, for each run of `auto` that is like none of plain Node.js, how it differs from the nearest of these. */
  #failures(key: string): Difference[][] {
    const plain = this.#plainOf(key)
    if (plain.length === 0) return []
    const longest = Math.max(...plain.map(({ ms }) => ms))
    return (this.#visits.auto.get(key) ?? [])
      .map(auto => {
        const candidates = plain.map(({ record, reused }) => {
          const labels = Object.keys(reused).filter(label => reused[label])
          return differencesOf(
            withoutCertificatesOf(record, labels),
            withoutCertificatesOf(auto.record, labels),
          )
        })
        const late = { where: 'milliseconds', plain: longest, auto: auto.ms }
        return [
          ...nearest(candidates),
          ...(auto.ms > longest + MAX_DELAY_MS ? [late] : []),
          ...lostResumptions(plain, auto),
        ]
      })
      .filter(differences => differences.length > 0)
  }

  /**
   * Returns the visits that plain Node.js survived. A way that ended the process of `auto` has one entry instead of one for
   * each visit; if plain Node.js got through it, that is what it is compared with.
   */
  #plainOf(key: string): Visit[] {
    const visits = this.#visits.plain.get(key)?.filter(({ record }) => record.ended === undefined) ?? []
    if (visits.length > 0) return visits
    const isSurvived = [...this.#visits.plain.keys()].some(other => other.startsWith(`${key} · `))
    return isSurvived ? [{ record: { ended: undefined }, ms: 0, reused: {} }] : []
  }
}

/** Returns the sockets that resume in each run of plain Node.js, by a session of the caller, and do not here. */
function lostResumptions(plain: readonly Visit[], auto: Visit): Difference[] {
  return Object.entries(auto.reused)
    .filter(([label, isReused]) => !isReused && plain.every(({ reused }) => reused[label]))
    .map(([label]) => ({ where: `reused.${label}`, plain: true, auto: false }))
}

function nearest(candidates: Difference[][]): Difference[] {
  return candidates.reduce((best, each) => (each.length < best.length ? each : best))
}
