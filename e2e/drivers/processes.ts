import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'

/** Every process that was started here and runs. None may outlive the test. */
const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) signal(child, 'SIGKILL')
})

/** Starts a program in a process group of its own, so that its children can be ended with it. */
export function start(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [program = '', ...args] = command
  const child = spawn(program, args, { detached: true, ...options })
  running.add(child)
  child.on('exit', () => signal(child, 'SIGKILL'))
  child.on('close', () => running.delete(child))
  child.on('error', () => running.delete(child))
  return child
}

/** Ends a process and its children, by force if necessary. */
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
 * @returns its standard output.
 * @throws an error with its whole output if it fails or takes longer than `timeout` milliseconds.
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

/** A server process whose output goes to a file, which is shown if the server does not start. */
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
 * Waits until `isReady` returns true.
 * @throws with the end of the log if the server ends first, or takes longer than `timeout` milliseconds.
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

/** True if something listens on the port. */
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

/** Returns a free port, for servers that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
