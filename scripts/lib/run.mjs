/** Runs other programs. */
import { spawn, spawnSync } from 'node:child_process'
import { root } from './setup.mjs'

/** Returns the output of a program, or undefined if it is missing or fails. */
export function ask(program, args) {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/**
 * Runs a program to its end and resolves with standard output. Rejects with all output if it fails. With `clean`
 * its environment is only `env`.
 */
export function run(program, args, { env = {}, cwd = root, timeout, clean = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: clean ? env : { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
    })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', text => {
        output[name] += text
      })
    }
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(output.stdout)
      const tail = `${output.stdout}${output.stderr}`.split('\n').slice(-40).join('\n')
      reject(new Error(`${program} ${args.join(' ')} ended with ${code ?? signal}\n${tail}`))
    })
  })
}
