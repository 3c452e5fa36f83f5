import { type Estimate, estimate } from './statistics.ts'

/** Measures once, in any unit. */
export type Measure = () => number | Promise<number>

/** The figures of several contestants, round by round. */
export class Paired {
  readonly rounds: number
  readonly #figures = new Map<string, number[]>()

  /**
   * Measures all contestants one after the other. Every second round has the reverse order, so that disturbances of
   * the machine hit all alike. One round before the first warms up.
   */
  static async measure(contestants: Record<string, Measure>, rounds: number): Promise<Paired> {
    const paired = new Paired(rounds)
    const order = Object.entries(contestants)
    for (let round = -1; round < rounds; round++) {
      for (const [name, measure] of order) {
        const figure = await measure()
        if (round >= 0) paired.#of(name).push(figure)
      }
      order.reverse()
    }
    return paired
  }

  private constructor(rounds: number) {
    this.rounds = rounds
  }

  /** Returns the estimate for a contestant. `figure` converts what was measured. */
  of(name: string, figure: (measured: number) => number = measured => measured): Estimate {
    return estimate(this.#of(name).map(figure))
  }

  /** Returns the ratio of two contestants in the same round. */
  ratio(name: string, other: string): Estimate {
    const others = this.#of(other)
    return estimate(this.#of(name).map((figure, round) => figure / (others[round] ?? Number.NaN)))
  }

  #of(name: string): number[] {
    const figures = this.#figures.get(name)
    if (figures) return figures
    const none: number[] = []
    this.#figures.set(name, none)
    return none
  }
}

/**
 * Measures the nanoseconds of CPU of a call, over `calls` calls with numbers from 0 to `keys`, exclusive. Includes
 * V8's other threads, such as those that collect garbage, and no other process.
 */
export function cpu(run: (index: number) => unknown, keys: number, calls: number): Measure {
  return () => {
    const before = process.cpuUsage()
    for (let n = 0; n < calls; n++) run(n % keys)
    const { user, system } = process.cpuUsage(before)
    return (1000 * (user + system)) / calls
  }
}
