import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'

/** Every process started here and not yet ended: none may outlive the run. */
const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) signal(child, 'SIGKILL')
})

/** Starts a program in a process group of its own, so that what it starts in turn can be ended with it. */
export function start(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [program = '', ...args] = command
  const child = spawn(program, args, { detached: true, ...options })
  running.add(child)
  child.on('exit', () => signal(child, 'SIGKILL'))
  child.on('close', () => running.delete(child))
  child.on('error', () => running.delete(child))
  return child
}

/** Asks a process and all it has started to end, and sees to it. */
export async function stop(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return
  const closed = once(child, 'close')
  signal(child, 'SIGTERM')
  const timer = setTimeout(() => signal(child, 'SIGKILL'), 15_000)
  await closed
  clearTimeout(timer)
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch {
    // The group has ended already.
  }
}

/**
 * Runs a program to its end.
 * @returns what it wrote to stdout.
 * @throws an error with all that it wrote, when it fails or takes longer than `timeout` milliseconds.
 */
export async function run(
  command: readonly string[],
  { timeout = 600_000, ...options }: SpawnOptions & { timeout?: number } = {},
): Promise<string> {
  const child = start(command, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  const timer = setTimeout(() => signal(child, 'SIGKILL'), timeout)
  const [code, killedBy] = await once(child, 'close').finally(() => clearTimeout(timer))
  if (code !== 0) {
    throw new Error(`${command.join(' ')} ended with ${code ?? killedBy}\n${stdout}${stderr}`)
  }
  return stdout
}

/** A server process whose output goes to a file, to be shown when it does not start. */
export function startLogged(
  command: readonly string[],
  logFile: string,
  options: SpawnOptions,
): ChildProcess {
  const log = openSync(logFile, 'a')
  try {
    return start(command, { ...options, stdio: ['ignore', log, log] })
  } finally {
    closeSync(log)
  }
}

/**
 * Waits until `isReady` says so.
 * @throws with the end of the log when the server ends before, or takes longer than `timeout` milliseconds.
 */
export async function untilReady(
  child: ChildProcess,
  logFile: string,
  isReady: () => Promise<boolean>,
  timeout: number,
): Promise<void> {
  const deadline = Date.now() + timeout
  let failure: string | undefined
  child.on('error', error => {
    failure = String(error)
  })
  child.on('exit', (code, killedBy) => {
    failure = `it ended with ${code ?? killedBy}`
  })
  while (failure === undefined && !(await isReady())) {
    if (Date.now() > deadline) failure = `it was not ready after ${timeout / 1000} s`
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  if (failure !== undefined) {
    const log = readFileSync(logFile, 'utf8').split('\n').slice(-60).join('\n')
    throw new Error(`The server did not start: ${failure}. Its log ends:\n${log}`)
  }
}

/** Whether something listens. */
export async function accepts(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A port that was free a moment ago, for servers that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
