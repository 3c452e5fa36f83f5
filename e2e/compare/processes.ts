/** Runs a program to its end, with a limit. */
import { spawn } from 'node:child_process'

export interface Ended {
  /** The exit code or signal; `timeout` after the limit. */
  how: string
  output: string
}

/** Ends the process and all that it started when it takes longer than `limit` milliseconds. */
export function runToEnd(
  program: string,
  args: readonly string[],
  { cwd, env, limit }: { cwd: string; env: NodeJS.ProcessEnv; limit: number },
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        output += text
      })
    }
    let isLate = false
    const endGroup = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // The group has ended already.
      }
    }
    const timer = setTimeout(() => {
      isLate = true
      endGroup()
    }, limit)
    // What outlives its parent keeps ports and pipes.
    child.on('exit', endGroup)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ how: isLate ? 'timeout' : String(signal ?? code), output })
    })
  })
}
