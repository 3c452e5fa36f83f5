import { type Estimate, estimate } from './statistics.ts'

/** Measures once, in whatever unit. */
export type Measure = () => number | Promise<number>

/** What several contestants took, round by round. */
export class Paired {
  readonly rounds: number
  readonly #figures = new Map<string, number[]>()

  /**
   * Measures all, one after the other, in one order and in the next round in the other, so that what the machine does
   * meanwhile hits them alike. A round before the first warms up.
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

  /** `figure`: made of what was measured. */
  of(name: string, figure: (measured: number) => number = measured => measured): Estimate {
    return estimate(this.#of(name).map(figure))
  }

  /** The one divided by the other in the same round. */
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
 * Nanoseconds of CPU that a call takes, of so many with numbers from 0 to below `keys`. What V8's other threads collect
 * meanwhile counts; what else the machine does, does not.
 */
export function cpu(run: (index: number) => unknown, keys: number, calls: number): Measure {
  return () => {
    const before = process.cpuUsage()
    for (let n = 0; n < calls; n++) run(n % keys)
    const { user, system } = process.cpuUsage(before)
    return (1000 * (user + system)) / calls
  }
}
