import { spawn } from 'node:child_process'
import { root } from './setup.mjs'

/**
 * Runs a command, shows its output unless `quiet`, and resolves with output and exit code. After `patience`
 * milliseconds the command and all its children are killed, which counts as a failure.
 */
export function run([program, ...args], { env = {}, cwd = root, patience, quiet = false }) {
  return new Promise((resolve, reject) => {
    // A group of its own, so that its children end with it.
    const child = spawn(program, args, {
      cwd,
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        output += text
        if (!quiet) process.stdout.write(text)
      })
    }
    let hung = false
    const end = () => process.kill(-child.pid, 'SIGKILL')
    const watchdog = setTimeout(() => {
      hung = true
      end()
    }, patience)
    // Ctrl+C of a terminal does not reach the group.
    const interrupted = signal => {
      end()
      process.exit(signal === 'SIGINT' ? 130 : 143)
    }
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, interrupted)
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(watchdog)
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupted)
      if (hung) process.stdout.write(quiet ? '' : `\nended after ${patience / 60_000} minutes\n`)
      resolve({ code: hung ? 1 : (code ?? 1), output })
    })
  })
}
