/**
 * `npm run bench [-- NAME … --quick]`: runs all benchmarks, or those that are named, with few rounds, in minutes. Then
 * writes a report, target/bench/report.html, with its charts.
 *
 * `--record` runs all rounds, or with `--quick` few. It writes benchmark/results, docs/results/benchmarks.md and the figures
 * of the other documents. `--nodes 24,26` runs each benchmark on these versions of Node.js in turn. Without it, `--record`
 * runs on Node.js 24, and other runs on the present one.
 *
 * If a benchmark fails, the others go on and the exit code is 1.
 */
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, mkdirSync, rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { nodeProgram } from '../lib/nodes.mjs'
import { root, setUp } from '../lib/setup.mjs'

const NAMES = ['core', 'node', 'clients', 'servers', 'redis', 'segment', 'start-up', 'networks', 'production']
const DIRECTORY = join('target', 'bench')
/** A benchmark hangs if it takes more minutes than this. */
const MAX_MINUTES = { quick: 20, record: 60 }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    nodes: { type: 'string' },
  },
})
const unknown = positionals.filter(name => !NAMES.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`unknown benchmark ${unknown.join(', ')}. Expected ${NAMES.join(', ')}.\n`)
  process.exit(2)
}
const names = positionals.length > 0 ? NAMES.filter(name => positionals.includes(name)) : NAMES

await setUp()
mkdirSync(join(root, DIRECTORY), { recursive: true })
const began = performance.now()
const failed = []
const nodes = values.nodes?.split(',') ?? (values.record ? ['24'] : [process.versions.node.split('.')[0]])
const runs = names.flatMap(name => nodes.map(node => ({ name, node })))
for (const [index, { name, node }] of runs.entries()) {
  // The report shows the first Node.js.
  const title = node === nodes[0] ? name : `${name}-node-${node}`
  const directory = node === nodes[0] ? DIRECTORY : join(DIRECTORY, `node-${node}`)
  mkdirSync(join(root, directory), { recursive: true })
  const file = join(directory, `${name}.json`)
  const log = join(DIRECTORY, `${title}.log`)
  rmSync(join(root, file), { force: true })
  const place = `[${index + 1}/${runs.length}] bench:${name} on Node ${node}`
  process.stderr.write(`${place}\n`)
  const started = performance.now()
  const options = [
    ...['--json', join(root, file)],
    ...(values.record ? ['--record'] : []),
    ...(values.quick || !values.record ? ['--quick'] : []),
  ]
  const ended = await npm([`bench:${name}`, '--', ...options], log, nodeProgram(node))
  const took = `${seconds(started)} s`
  if (ended === 0 && existsSync(join(root, file))) {
    process.stderr.write(`${place} took ${took}\n`)
  } else {
    failed.push(title)
    process.stderr.write(`${place} FAILED (${ended}) after ${took}; see ${log}\n`)
  }
}
process.stderr.write(`all benchmarks took ${seconds(began)} s\n`)
const report = ['--import', './scripts/lib/typescript.mjs', join('benchmark', 'lib', 'report', 'main.ts')]
const reports = [await run(process.execPath, report)]
if (values.record) reports.push(await run(process.execPath, [...report, '--documents']))
if (failed.length > 0) {
  process.stderr.write(`\nFAILED: ${failed.join(', ')}\n`)
}
process.exitCode = failed.length > 0 || reports.some(code => code !== 0) ? 1 : 0

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(0)
}

/** Runs a script of package.json on a Node.js. Its output goes into a file; its progress is also shown. */
function npm(script, log, node) {
  const out = createWriteStream(join(root, log))
  const cli = process.env.npm_execpath
  const [program, ...first] = cli?.endsWith('.js') ? [process.execPath, cli] : ['npm']
  return run(program, [...first, 'run', '--silent', ...script], {
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
    // A group of its own, so that the programs it started can be ended with it.
    detached: process.platform !== 'win32',
    onOutput: text => out.write(text),
    patience: (values.record ? MAX_MINUTES.record : MAX_MINUTES.quick) * 60_000,
  }).finally(() => out.end())
}

/** Resolves with the exit code, or with the signal or error that ended the program. */
function run(program, args, { detached = false, env = process.env, onOutput, patience } = {}) {
  return new Promise(resolve => {
    const child = spawn(program, args, {
      cwd: root,
      env,
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
