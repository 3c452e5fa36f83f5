import { spawn } from 'node:child_process'
import { root } from './setup.mjs'

/** Runs a program in TypeScript with the arguments of the command line, and exits with its exit code. */
export function runProgram(path) {
  const child = spawn(
    process.execPath,
    ['--import', './scripts/lib/typescript.mjs', path, ...process.argv.slice(2)],
    {
      cwd: root,
      stdio: 'inherit',
    },
  )
  // A terminal sends Ctrl+C to both. The child ends what it started, and its exit code counts.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 1
    if (signal) process.stderr.write(`the run was ended by ${signal}\n`)
  })
}
