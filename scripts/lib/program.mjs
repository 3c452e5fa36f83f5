import { spawn } from 'node:child_process'
import { root } from './setup.mjs'

/** Runs a program in TypeScript with what the command line says, and ends as it does. */
export function runProgram(path) {
  const child = spawn(
    process.execPath,
    ['--import', './scripts/lib/typescript.mjs', path, ...process.argv.slice(2)],
    {
      cwd: root,
      stdio: 'inherit',
    },
  )
  // A terminal sends Ctrl+C to both; the child ends what it has started, and its exit code is the one that counts.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 1
    if (signal) process.stderr.write(`the run was ended by ${signal}\n`)
  })
}
