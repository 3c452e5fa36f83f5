/** Collects what was found, and says how the run ends. */
import { EXCEPTIONS, MAX_EXCEPTIONS } from './exceptions.ts'

export class Report {
  #passed = 0
  #failed = 0
  readonly #excepted = new Map<string, number>()

  section(title: string): void {
    process.stdout.write(`\n${title}\n`)
  }

  /** Says something that does not count. */
  note(text: string): void {
    process.stdout.write(`  ${text}\n`)
  }

  passed(count = 1): void {
    this.#passed += count
  }

  /** Reports one difference as one line. It fails the run unless it is an exception. */
  finding(line: string): void {
    const exception = EXCEPTIONS.find(({ finding }) => finding.test(line))
    if (exception) {
      this.#excepted.set(exception.reason, (this.#excepted.get(exception.reason) ?? 0) + 1)
      return
    }
    this.#failed++
    process.stdout.write(`  ✘ ${line}\n`)
  }

  /** Writes the sums. Returns the exit code. */
  close(): number {
    for (const [reason, count] of this.#excepted) process.stdout.write(`\n${count} excepted: ${reason}\n`)
    if (EXCEPTIONS.length > MAX_EXCEPTIONS) this.finding(`there are more than ${MAX_EXCEPTIONS} exceptions`)
    process.stdout.write(`\n${this.#passed} passed, ${this.#failed} failed\n`)
    return this.#failed === 0 ? 0 : 1
  }
}
