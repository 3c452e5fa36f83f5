import ora from 'ora'

/** Reports progress on stderr, so that stdout has only results. */
export interface Progress {
  /** Starts a new part of the work. */
  phase(text: string): void
  /** Reports how far the part is. Redrawn in place on a terminal, omitted elsewhere. */
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
