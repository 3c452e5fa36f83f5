/** Ends a run that makes no progress, with an error: a hang has to fail a pipeline, not block it. */
export class Watchdog {
  readonly #timer: NodeJS.Timeout
  #phase = 'starting'

  constructor(readonly timeout: number) {
    this.#timer = setTimeout(() => {
      process.stderr.write(`\nNothing happened for ${timeout / 1000} s while ${this.#phase}\n`)
      process.exit(1)
    }, timeout)
  }

  /** Records progress and restarts the timer. */
  pat(phase: string): void {
    this.#phase = phase
    this.#timer.refresh()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
