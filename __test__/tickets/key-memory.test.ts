/** Ticket keys are where core dumps do not reach, and a wiped key is in no memory of any process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import tls from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { finish, testAuthority } from '../support/server.ts'
import { startStore } from '../support/store.ts'
import { testWithStore } from '../support/test-with-store.ts'
import { TYPESCRIPT } from '../workers/spawn.ts'

const PROGRAM = join(import.meta.dirname, '..', 'workers', 'key-memory.ts')
const CHUNK = 2 ** 22

interface Region {
  start: number
  end: number
  isDumped: boolean
}

/** Returns the readable regions of a process, and whether a core dump contains them. */
function regionsOf(pid: number): Region[] {
  const regions: Region[] = []
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) r\S+ /.exec(line)
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      regions.push({
        start: Number.parseInt(range?.[1] ?? '0', 16),
        end: Number.parseInt(range?.[2] ?? '0', 16),
        isDumped: true,
      })
    }
    const last = regions.at(-1)
    // "dd": excluded from core dumps.
    if (last && line.startsWith('VmFlags:')) last.isDumped = !line.split(/\s+/).includes('dd')
  }
  return regions.filter(({ start, end }) => end > start)
}

/** Counts how often each of the byte strings is in the memory of a process: all of it, and what a core dump has. */
function search(pid: number, wanted: readonly Buffer[]): { all: number[]; dumped: number[] } {
  const [all, dumped] = [wanted.map(() => 0), wanted.map(() => 0)]
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  const chunk = Buffer.allocUnsafeSlow(CHUNK + 64)
  try {
    for (const { start, end, isDumped } of regionsOf(pid)) {
      for (let at = start; at < end; at += CHUNK) {
        let length = 0
        try {
          length = readSync(memory, chunk, 0, Math.min(CHUNK + 64, end - at), at)
        } catch {
          continue // A region that the kernel keeps for itself.
        }
        for (const [index, bytes] of wanted.entries()) {
          const window = chunk.subarray(0, length)
          for (let found = window.indexOf(bytes); found >= 0; found = window.indexOf(bytes, found + 1)) {
            if (found >= CHUNK) break
            all[index] = (all[index] ?? 0) + 1
            if (isDumped) dumped[index] = (dumped[index] ?? 0) + 1
          }
        }
      }
    }
  } finally {
    closeSync(memory)
  }
  return { all, dumped }
}

class Processes {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  pids: number[] = []
  ports: number[] = []

  constructor(argument: object) {
    this.#child = spawn(process.execPath, [...TYPESCRIPT, PROGRAM, JSON.stringify(argument)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#lines = createInterface(this.#child.stdout as NodeJS.ReadableStream)[Symbol.asyncIterator]()
  }

  async start(): Promise<void> {
    const { value } = await this.#lines.next()
    Object.assign(this, JSON.parse(value))
  }

  async use(path: string): Promise<void> {
    this.#child.stdin?.write(`${path}\n`)
    await this.#lines.next()
  }

  async end(): Promise<void> {
    this.#child.stdin?.end()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    await once(this.#child, 'exit')
    clearTimeout(timer)
  }
}

/** Has each process encrypt and decrypt tickets. */
async function useTickets(ports: readonly number[], ca: string): Promise<boolean[]> {
  const resumed: boolean[] = []
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    let session: Buffer | undefined
    for (const port of [...ports, ...ports]) {
      const socket = tls.connect({
        ...{ port, host: '127.0.0.1', servername: 'localhost', ca, session },
        minVersion: version,
        maxVersion: version,
      })
      socket.on('session', made => {
        session = made
      })
      const isFirst = session === undefined
      const result = await finish(socket)
      if (!isFirst) resumed.push(result.resumed)
    }
  }
  return resumed
}

async function run(t: ExecutionContext, mode: string, options: object = {}): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'keys-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const { cert: ca, issue } = await testAuthority()
  const identity = await issue({ commonName: 'localhost', usage: 'server' })
  const given = Array.from({ length: 4 }, () => randomBytes(48))
  const file = join(directory, 'active')
  writeFileSync(file, given[0] as Buffer)
  const hosts = Array.from(
    { length: mode === 'tier' ? 2 : 1 },
    () => new Processes({ mode, identity, file, ...options }),
  )
  for (const host of hosts) {
    t.teardown(() => host.end())
    await host.start()
  }
  for (const [index, key] of given.entries()) {
    const path = mode === 'source' ? file : join(directory, `${index}`)
    writeFileSync(path, key)
    for (const host of hosts) await host.use(host === hosts[0] ? path : 'settle')
    const ports = hosts.flatMap(host => host.ports)
    t.true((await useTickets(ports, ca)).every(Boolean))
  }
  // Key schedules and buffers of the last connections are freed by then.
  await new Promise(resolve => setTimeout(resolve, 200))
  // Both secrets of each key; their order in a file is nginx's.
  const secrets = given.flatMap(key => [key.subarray(16, 32), key.subarray(32)])
  const count = mode === 'source' ? 6 : 4
  for (const pid of hosts.flatMap(({ pids }) => pids)) {
    const { all, dumped } = search(pid, secrets)
    t.deepEqual(all.slice(0, count), Array(count).fill(0), `${mode}: wiped keys in process ${pid}`)
    t.deepEqual(dumped, Array(8).fill(0), `${mode}: keys that a core dump of process ${pid} has`)
    t.true((all[7] ?? 0) > 0, 'the search finds the active key')
  }
}

const onLinux = process.platform === 'linux' ? test.serial : test.serial.skip

onLinux('memory: a cluster keeps no wiped key, and no key where a core dump reaches', async t => {
  await run(t, 'cluster')
})

onLinux('memory: a host with a source keeps no wiped key, and no key where a core dump reaches', async t => {
  await run(t, 'source')
})

const withStore = process.platform === 'linux' ? testWithStore.serial : test.serial.skip

withStore(
  'memory: two hosts with a tier keep no wiped key, and no key where a core dump reaches',
  async t => {
    const store = await startStore(t)
    await run(t, 'tier', { port: store.port, sealing: randomBytes(32).toString('base64') })
  },
)
