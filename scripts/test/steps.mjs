import { spawn } from 'node:child_process'
import { root } from '../lib/setup.mjs'

/** This many lines of the output of a failed step are repeated at the end. */
const REPEATED_LINES = 60

/**
 * Runs commands one after the other, shows their output, and prints the sum of their tests as the last line. Sets the
 * exit code. A step without `count` is a check: it counts only as a failure.
 *
 * @param {{ name: string, command: string[] | (() => string[]),
 *   count?: (output: string) => { passed: number, failed: number, skipped?: number } }[]} steps
 */
export async function runSteps(steps) {
  const sum = { passed: 0, failed: 0, skipped: 0 }
  const failures = []
  for (const { name, command, count } of steps) {
    process.stdout.write(`\n── ${name}\n`)
    const { code, output } = await run(typeof command === 'function' ? command() : command)
    const { passed, failed, skipped = 0 } = count?.(output) ?? { passed: 0, failed: 0 }
    sum.passed += passed
    sum.skipped += skipped
    // A step may fail without a failed test: if it does not compile, or if it runs no test.
    const problems = failed + (failed === 0 && (code !== 0 || (count && passed === 0)) ? 1 : 0)
    sum.failed += problems
    if (problems > 0) failures.push({ name, end: output.trimEnd().split('\n').slice(-REPEATED_LINES) })
  }
  for (const { name, end } of failures) {
    process.stdout.write(`\n── the end of what failed: ${name}\n${end.join('\n')}\n`)
  }
  if (sum.skipped > 0) {
    process.stdout.write(
      `\n${sum.skipped} tests were NOT RUN: this Node.js lacks what they need, or redis-server is not installed\n`,
    )
  }
  process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`)
  process.exitCode = sum.failed === 0 ? 0 : 1
}

/** Shows and returns standard output. It has no colours, so that it can be counted. */
function run([program, ...args]) {
  const { FORCE_COLOR: _, ...env } = { ...process.env, CARGO_TERM_COLOR: 'never' }
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env,
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text
      process.stdout.write(text)
    })
    child.on('error', reject)
    child.on('close', code => resolve({ code, output }))
  })
}
