import ora from 'ora'

/** Says on stderr what is going on, so that stdout stays with the results. */
export interface Progress {
  /** A new part of the work has begun. */
  phase(text: string): void
  /** How far it is: redrawn in place on a terminal, left out elsewhere. */
  update(text: string): void
  done(text: string): void
  stop(): void
}

export function createProgress(): Progress {
  return process.stderr.isTTY ? spinner() : lines()
}

function spinner(): Progress {
  const spin = ora({ discardStdin: false })
  let current = ''
  return {
    phase(text) {
      current = text
      spin.start(text)
    },
    update(text) {
      spin.text = `${current} ${text}`
    },
    done: text => spin.succeed(text),
    stop: () => spin.stop(),
  }
}

function lines(): Progress {
  const say = (text: string) => process.stderr.write(`${text}\n`)
  return { phase: say, update() {}, done: say, stop() {} }
}
