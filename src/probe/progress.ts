import type { WriteStream } from 'node:tty'

/** A line on a terminal that shows the current step. */
export class Progress {
  readonly #stream: WriteStream | undefined

  /** Shows nothing if the stream is no terminal. */
  constructor(stream: WriteStream) {
    this.#stream = stream.isTTY ? stream : undefined
  }

  show(text: string): void {
    // Some terminals do not report their width.
    const width = this.#stream?.columns || 80
    this.#stream?.write(`\r\x1b[K${text.slice(0, width - 1)}`)
  }

  clear(): void {
    this.#stream?.write('\r\x1b[K')
  }
}
