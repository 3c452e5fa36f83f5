/** Finds and runs single tests of Node.js, as its own runner does. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Run } from '../judge.ts'
import { flagsOf } from '../modes.ts'
import { runToEnd } from '../processes.ts'
import type { Suite } from './source.ts'

/** Tests in these run one at a time, since they share a port. */
const FOLDERS = { parallel: true, 'async-hooks': true, sequential: false }

const NAME = /^test-.*(?:tls|https|http2).*\.m?js$/
const LIMIT_MS = 60_000

export interface NodeTest {
  /** Such as `parallel/test-tls-alert.js`. */
  name: string
  isParallel: boolean
}

export function testsOf({ directory }: Suite): NodeTest[] {
  return Object.entries(FOLDERS).flatMap(([folder, isParallel]) =>
    readdirSync(join(directory, folder))
      .filter(file => NAME.test(file))
      .sort()
      .map(file => ({ name: `${folder}/${file}`, isParallel })),
  )
}

/** Returns what runs a test with a version of Node.js. `lane` separates tests that run at the same time. */
export function runnerOf({ directory }: Suite, { name }: NodeTest, program: string, lane: number): Run {
  const file = join(directory, name)
  const flags = /^\/\/ Flags: (.+)$/m.exec(readFileSync(file, 'utf8'))?.[1]?.trim().split(/\s+/) ?? []
  const temporary = join(tmpdir(), `tls-compare-${process.pid}`)
  mkdirSync(temporary, { recursive: true })
  return async mode => {
    const env: NodeJS.ProcessEnv = {
      ...process.env,
      NODE_TEST_DIR: temporary,
      TEST_THREAD_ID: String(lane),
      TEST_SERIAL_ID: String(lane),
      NODE_COMMON_PORT: String(12_346 + lane * 100),
    }
    delete env.NODE_EXTRA_CA_CERTS
    const { how, output } = await runToEnd(program, [...flagsOf(mode), ...flags, file], {
      cwd: directory,
      env,
      limit: LIMIT_MS,
    })
    return how === '0' ? undefined : `${how}: ${firstError(output)}`
  }
}

function firstError(output: string): string {
  const lines = output.split('\n').filter(line => line.trim() !== '')
  const line = lines.find(line => /Error|Assertion|Mismatched/.test(line)) ?? lines[0] ?? 'no output'
  return line.trim().slice(0, 300)
}
