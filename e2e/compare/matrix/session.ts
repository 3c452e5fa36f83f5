/** Runs the host of the matrix in one mode, and starts it again behind a way that ended the process. */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { flagsOf, type Mode, root } from '../modes.ts'
import type { Record } from './normalise.ts'
import type { Pki } from './pki.ts'

/** What was seen of one visit. */
export interface Visit {
  record: Record
  ms: number
  /** Whether each socket that became secure had resumed, by its label. */
  reused: { [label: string]: boolean }
}

/** Visits by their key: way, version of TLS, and which visit. */
export type Seen = Map<string, Visit>

export interface Setting {
  program: string
  directory: string
  pki: Pki
}

const host = fileURLToPath(new URL('host.mjs', import.meta.url))
const MAX_SILENCE_MS = 30_000

interface Message {
  begin?: string
  end?: string
  index?: number
  done?: number
  record?: Record
  ms?: number
  reused?: Visit['reused']
}

let runs = 0

/** Makes all visits of the ways named by `only`, of all ways if it is left out. */
export async function visitAll(setting: Setting, mode: Mode, only?: readonly string[]): Promise<Seen> {
  const seen: Seen = new Map()
  for (let skip = 0; ; ) {
    const { begun, index, end } = await runHost(setting, mode, { skip, only }, seen)
    if (end === undefined) return seen
    // What the way had done until then is not comparable: another order of output would be a difference.
    for (const key of seen.keys()) if (begun && key.startsWith(begun)) seen.delete(key)
    seen.set(begun ?? 'the start of the process', { record: { ended: end }, ms: 0, reused: {} })
    if (begun === undefined) return seen
    skip = index + 1
  }
}

/** Resolves with the way at which the process ended and how; `end` is undefined after the last way. */
async function runHost(
  { program, directory, pki }: Setting,
  mode: Mode,
  part: { skip: number; only?: readonly string[] | undefined },
  seen: Seen,
): Promise<{ begun: string | undefined; index: number; end: string | undefined }> {
  runs++
  const own = join(directory, `${runs}`)
  const config = `${own}.json`
  mkdirSync(own)
  writeFileSync(config, JSON.stringify({ pki, directory: own, ...part }))
  const child = spawn(program, [...flagsOf(mode), host, config], {
    cwd: root,
    env: { ...process.env, NODE_EXTRA_CA_CERTS: join(directory, 'root.pem') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let silence = setTimeout(() => {}, 0)
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    stderr += text
  })
  let begun: string | undefined
  let index = part.skip
  let isDone = false
  createInterface({ input: child.stdout }).on('line', line => {
    clearTimeout(silence)
    silence = setTimeout(() => child.kill('SIGKILL'), MAX_SILENCE_MS)
    const message: Message = JSON.parse(line.replaceAll(own, '<directory>'))
    if (message.begin !== undefined) {
      begun = message.begin
      index = message.index ?? index
    }
    if (message.end !== undefined) {
      const { record = {}, ms = 0, reused = {} } = message
      // A mistake in a way is the same in every mode, and would compare nothing.
      const mistake = Object.values(record.logs ?? {})
        .flat()
        .find(entry => entry.startsWith('way failed: ReferenceError'))
      if (mistake) throw new Error(`${message.end}: ${mistake}`)
      seen.set(message.end, { record, ms, reused })
    }
    if (message.done !== undefined) isDone = true
  })
  const how = await new Promise<string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(`${signal ?? code}`))
  })
  clearTimeout(silence)
  if (isDone) return { begun, index, end: undefined }
  const said = stderr.split('\n').find(line => /Assertion failed|Error/.test(line))
  return {
    begun,
    index,
    end: [how, said?.replace(/^.*?(?=Assertion|\w*Error)/, '')].filter(Boolean).join(': '),
  }
}
