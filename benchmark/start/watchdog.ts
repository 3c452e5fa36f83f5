/** Ends a run that no longer gets on, loudly: a hang must fail a pipeline, not block it. */
export class Watchdog {
  readonly #timer: NodeJS.Timeout
  #phase = 'starting'

  constructor(readonly timeout: number) {
    this.#timer = setTimeout(() => {
      process.stderr.write(`\nNothing happened for ${timeout / 1000} s while ${this.#phase}\n`)
      process.exit(1)
    }, timeout)
  }

  /** Something got on: the time starts anew. */
  pat(phase: string): void {
    this.#phase = phase
    this.#timer.refresh()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
