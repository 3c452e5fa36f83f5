import type { WriteStream } from 'node:tty'

/** A line on a terminal that says what is being done, and is gone when it is done. */
export class Progress {
  readonly #stream: WriteStream | undefined

  /** Where the stream is no terminal nothing is shown. */
  constructor(stream: WriteStream) {
    this.#stream = stream.isTTY ? stream : undefined
  }

  show(text: string): void {
    // Some terminals do not tell their width.
    const width = this.#stream?.columns || 80
    this.#stream?.write(`\r\x1b[K${text.slice(0, width - 1)}`)
  }

  clear(): void {
    this.#stream?.write('\r\x1b[K')
  }
}
