import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { root } from '../../lib/setup.mjs'

const AVA = 'node_modules/ava/entrypoints/cli.mjs'

/** A program that a test leaves behind keeps ava waiting for its output. */
const LIMIT_MS = 180_000

/** Makes copies of everything that tests need. Tests find the package by its name, and so in their own folder. */
export function makeCopies() {
  return Array.from({ length: Math.min(os.availableParallelism(), 4) }, (_, index) => {
    const directory = join(root, 'target', 'guards', String(index))
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(directory, { recursive: true })
    for (const name of ['package.json', 'dist', '__test__', 'docs', 'e2e', 'fixtures', 'scripts']) {
      const filter = path => !path.includes('node_modules')
      cpSync(join(root, name), join(directory, name), { recursive: true, filter })
    }
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'), 'junction')
    return directory
  })
}

/**
 * Works on the items in all copies at once, one item per copy at a time. Returns the results in the order of the
 * items.
 */
export async function spread(copies, items, work) {
  const results = []
  const left = [...items.entries()]
  await Promise.all(
    copies.map(async copy => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, item] = next
        results[index] = await work(item, copy)
      }
    }),
  )
  return results
}

/** Runs the tests of a file in a copy, or only those whose title matches. */
export function runTests(copy, path, title) {
  const match = title === undefined ? [] : ['--match', title]
  return run([process.execPath, AVA, path, '--timeout', '30s', ...match], copy)
}

export async function buildPeer() {
  const { code, output } = await run(
    ['cargo', 'build', '--locked', '--quiet', '--package', 'tls-resumption-peer'],
    root,
  )
  if (code !== 0) throw new Error(output)
}

function run([program, ...args], cwd) {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      NO_COLOR: '1',
      TLS_RESUMPTION_TEST_PEER: join(root, 'target', 'debug', 'tls-resumption-peer'),
    }
    const detached = process.platform !== 'win32'
    const child = spawn(program, args, { cwd, env, detached, stdio: ['ignore', 'pipe', 'pipe'] })
    const end = () => (detached ? process.kill(-child.pid, 'SIGKILL') : child.kill('SIGKILL'))
    const timer = setTimeout(end, LIMIT_MS)
    const interrupted = () => {
      end()
      process.exit(130)
    }
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', text => {
        output += stripVTControlCharacters(text)
      })
    }
    child.on('error', reject)
    child.on('close', code => {
      clearTimeout(timer)
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
      resolve({ code, output })
    })
  })
}
