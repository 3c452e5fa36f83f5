import { spawn } from 'node:child_process'
import type { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** What clients say that speak no HTTP of their own. */
export const REQUEST = 'GET /again HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

/** Generous, since what shall be found is what never comes. */
const TIMEOUT = 60_000

/**
 * Runs a program to its end and returns what it wrote to stdout.
 * @throws with all that it wrote, when it fails or does not end.
 */
export async function runWith(
  command: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: 'pipe',
    timeout: TIMEOUT,
    killSignal: 'SIGKILL',
  })
  // Some have ended before they have read what they were to say.
  child.stdin.on('error', () => {}).end(input)
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ])
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code ?? signal}\n${stdout}${stderr}`)
  return stdout
}

/** The objects that a program prints, one a line. */
export function jsonLines<T>(stdout: string): T[] {
  return stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
}

/** As all clients tell it. */
export function digestOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}
