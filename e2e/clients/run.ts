import { spawn } from 'node:child_process'
import type { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** The request of clients that speak no HTTP. */
export const REQUEST = 'GET /again HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

/** Long, because only a missing event takes that long, or a compiler without its cache. */
const TIMEOUT = 180_000

/**
 * Runs a program to its end and returns its standard output.
 * @throws with its whole output if it fails or does not end.
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
  // Some end before they have read their whole input.
  child.stdin.on('error', () => {}).end(input)
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ])
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code ?? signal}\n${stdout}${stderr}`)
  return stdout
}

/** Returns the objects that a program prints, one per line. */
export function jsonLines<T>(stdout: string): T[] {
  return stdout
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line))
}

/** The form in which all clients report. */
export function digestOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}
