/** Delay and bandwidth, by toxiproxy, which is built from its Go module. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accepts, freePort } from '../../e2e/drivers/processes.ts'
import { installPackages } from '../../scripts/lib/debian.mjs'

export const TOXIPROXY = '2.5.0'
const MODULE = `github.com/Shopify/toxiproxy/v2/cmd/server@v${TOXIPROXY}`
const FOLDER = fileURLToPath(new URL('../../target/toxiproxy', import.meta.url))

/** The network between two ends. */
export interface Network {
  name: string
  /** Milliseconds from a message to its answer, for what travels. Toxiproxy delays the answer by all of it. */
  roundTrip: number
  /** Kilobytes per second, in each direction. Unlimited without it. */
  rate?: number
}

/** A running toxiproxy. */
export class Toxiproxy {
  readonly #child: ChildProcess
  readonly #api: string

  private constructor(child: ChildProcess, api: string) {
    this.#child = child
    this.#api = api
  }

  /** Builds the program if necessary, and starts it on a free port. */
  static async start(): Promise<Toxiproxy> {
    const port = await freePort()
    const child = spawn(await program(), ['-host', '127.0.0.1', '-port', `${port}`], { stdio: 'ignore' })
    process.on('exit', () => child.kill('SIGKILL'))
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`toxiproxy ended with ${child.exitCode}`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    return new Toxiproxy(child, `http://127.0.0.1:${port}`)
  }

  /** Returns the port of a network in front of another port. */
  async open({ name, roundTrip, rate }: Network, upstream: number): Promise<number> {
    const proxy = `${name} ${upstream}`.replace(/\W+/g, '-')
    const listen = `127.0.0.1:${await freePort()}`
    await this.#post('/proxies', { name: proxy, listen, upstream: `127.0.0.1:${upstream}` })
    const toxics = `/proxies/${proxy}/toxics`
    if (roundTrip > 0) {
      await this.#post(toxics, {
        type: 'latency',
        stream: 'downstream',
        attributes: { latency: roundTrip, jitter: 0 },
      })
    }
    for (const stream of rate === undefined ? [] : ['upstream', 'downstream'])
      await this.#post(toxics, { name: `rate-${stream}`, type: 'bandwidth', stream, attributes: { rate } })
    return Number(listen.split(':')[1])
  }

  async close(): Promise<void> {
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exit
  }

  async #post(path: string, body: object): Promise<void> {
    const response = await fetch(`${this.#api}${path}`, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`toxiproxy: ${path}: ${await response.text()}`)
  }
}

async function program(): Promise<string> {
  const path = join(FOLDER, `toxiproxy-server-${TOXIPROXY}`)
  if (existsSync(path)) return path
  mkdirSync(FOLDER, { recursive: true })
  if (!hasGo()) await installPackages(['golang-go'])
  execFileSync('go', ['install', MODULE], { env: { ...process.env, GOBIN: FOLDER }, stdio: 'inherit' })
  renameSync(join(FOLDER, 'server'), path)
  return path
}

function hasGo(): boolean {
  try {
    execFileSync('go', ['version'])
    return true
  } catch {
    return false
  }
}
