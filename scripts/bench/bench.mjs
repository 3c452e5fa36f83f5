/**
 * `npm run bench [-- NAME …]`: the figures of all `bench:*`, or of those named, with few rounds, in minutes; then a
 * report of them, target/bench/report.html, with the charts beside it. `--record` takes all rounds, writes
 * benchmark/results, and from there docs/results/benchmarks.md and the figures of the other documents. One that fails is told, the
 * others go on, and the exit code is 1: name it to run it again.
 */
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, setUp } from '../lib/setup.mjs'

const NAMES = ['core', 'node', 'clients', 'servers', 'redis']
const DIRECTORY = join('target', 'bench')
/** After so many minutes a benchmark hangs. */
const PATIENCE = { quick: 20, record: 60 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { record: { type: 'boolean', default: false } },
})
const unknown = positionals.filter(name => !NAMES.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`There is no benchmark ${unknown.join(', ')}; there are ${NAMES.join(', ')}\n`)
  process.exit(2)
}
const names = positionals.length > 0 ? NAMES.filter(name => positionals.includes(name)) : NAMES

await setUp()
mkdirSync(join(root, DIRECTORY), { recursive: true })
const began = performance.now()
const failed = []
for (const [index, name] of names.entries()) {
  const file = join(DIRECTORY, `${name}.json`)
  const log = join(DIRECTORY, `${name}.log`)
  rmSync(join(root, file), { force: true })
  process.stderr.write(`[${index + 1}/${names.length}] bench:${name}\n`)
  const started = performance.now()
  const options = ['--json', join(root, file), values.record ? '--record' : '--quick']
  const ended = await npm([`bench:${name}`, '--', ...options], log)
  const took = `${seconds(started)} s`
  if (ended === 0 && existsSync(join(root, file))) {
    process.stderr.write(`[${index + 1}/${names.length}] bench:${name} took ${took}\n`)
  } else {
    failed.push(name)
    process.stderr.write(
      `[${index + 1}/${names.length}] bench:${name} FAILED (${ended}) after ${took}; see ${log}\n`,
    )
  }
}
process.stderr.write(`all of it took ${seconds(began)} s\n`)
const report = ['--import', './scripts/lib/typescript.mjs', join('benchmark', 'lib', 'report', 'main.ts')]
const reports = [await run(process.execPath, report)]
if (values.record) reports.push(await run(process.execPath, [...report, '--documents']))
if (failed.length > 0) {
  process.stderr.write(
    `\nFAILED: ${failed.join(', ')}. To repeat: npm run bench -- ${values.record ? '--record ' : ''}${failed.join(' ')}\n`,
  )
}
process.exitCode = failed.length > 0 || reports.some(code => code !== 0) ? 1 : 0

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(0)
}

/** Runs a script of package.json; what it prints goes into a file, but for its progress. */
function npm(script, log) {
  const out = createWriteStream(join(root, log))
  const cli = process.env.npm_execpath
  const [program, ...first] = cli?.endsWith('.js') ? [process.execPath, cli] : ['npm']
  return run(program, [...first, 'run', '--silent', ...script], {
    // A group of its own, so that what it started can be ended with it.
    detached: process.platform !== 'win32',
    onOutput: text => out.write(text),
    patience: (values.record ? PATIENCE.record : PATIENCE.quick) * 60_000,
  }).finally(() => out.end())
}

/** The exit code, or what ended it. */
function run(program, args, { detached = false, onOutput, patience } = {}) {
  return new Promise(resolve => {
    const child = spawn(program, args, {
      cwd: root,
      detached,
      shell: program === 'npm' && process.platform === 'win32',
      stdio: ['ignore', onOutput ? 'pipe' : 'inherit', onOutput ? 'pipe' : 'inherit'],
    })
    const end = () => {
      if (detached) process.kill(-child.pid, 'SIGKILL')
      else child.kill('SIGKILL')
    }
    const timer = patience && setTimeout(end, patience)
    const interrupted = () => {
      end()
      process.exit(130)
    }
    process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
    child.stdout?.setEncoding('utf8').on('data', onOutput)
    child.stderr?.setEncoding('utf8').on('data', text => {
      process.stderr.write(text)
      onOutput(text)
    })
    child.on('error', error => {
      onOutput?.(`${error.message}\n`)
      resolve(error.message)
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
      resolve(code ?? signal)
    })
  })
}
