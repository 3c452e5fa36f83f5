import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const directory = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

/** The flags with which Node runs TypeScript. */
export const TYPESCRIPT = ['--import', './scripts/lib/typescript.mjs']

export interface Ended {
  /** null if a signal ended the process, as in a crash. */
  code: number | null
  signal: string | null
  stdout: string
  stderr: string
}

/** Runs a program of this directory in a new process. */
export function runProgram(flags: string[], program: string, ...args: string[]): Promise<Ended> {
  return runNode([...flags, directory + program, ...args])
}

/** Does the same with additional environment variables. */
export function runProgramIn(
  env: Record<string, string>,
  flags: string[],
  program: string,
  ...args: string[]
): Promise<Ended> {
  return runNode([...flags, directory + program, ...args], env)
}

/** Runs Node in the root of the repository and collects its output. */
export async function runNode(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Less than the timeout of ava, which would leave the process running.
    timeout: 50_000,
    killSignal: 'SIGKILL',
  })
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ])
  return { code, signal, stdout, stderr }
}
