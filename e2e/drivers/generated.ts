import { readFileSync, writeFileSync } from 'node:fs'

const END = '<!-- end -->'

/** The generated part of a document, between the comment that names the command and the end. */
export class Generated {
  readonly #document: URL
  readonly #begin: string

  constructor(name: string, command: string) {
    this.#document = new URL(`../../${name}`, import.meta.url)
    this.#begin = `<!-- by ${command} -->\n`
  }

  /** Returns the part, empty if there is none. */
  read(): string {
    const rest = readFileSync(this.#document, 'utf8').split(this.#begin)[1] ?? ''
    return rest.slice(0, rest.indexOf(END))
  }

  write(content: string): void {
    const text = readFileSync(this.#document, 'utf8')
    const [before = '', rest = ''] = text.split(this.#begin)
    const end = rest.indexOf(END)
    if (end < 0) throw new Error(`${this.#document.pathname} has no place for the table`)
    writeFileSync(this.#document, before + this.#begin + content + rest.slice(end))
  }
}
