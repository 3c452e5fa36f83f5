/** Checks a built binary: its platform, and that Node loads it on every system of that platform. */
import { join } from 'node:path'
import { run } from '../../lib/run.mjs'
import { root } from '../../lib/setup.mjs'
import { MACOS_FLOOR } from './targets.mjs'
import { tool } from './tools.mjs'

/** Bytes. Users download exactly one binary. */
const MAX_SIZE = 1_000_000

const FORMATS = { linux: 'elf', darwin: 'macho', win32: 'pe' }

/** Returns what inspect.py reads from a binary, and its problems on that target: `{ facts, problems }`. */
export async function inspect(path, target) {
  const script = join(root, 'scripts', 'build', 'platforms', 'inspect.py')
  const facts = JSON.parse(await run(tool('python'), [script, path]))
  return { facts, problems: problemsOf(facts, target) }
}

/** Returns the newest glibc version that the binary needs, such as `2.17`, or undefined. */
export function glibcOf({ versions = [] }) {
  return versions
    .filter(version => version.startsWith('GLIBC_'))
    .map(version => version.slice('GLIBC_'.length))
    .sort(compare)
    .at(-1)
}

export function problemsOf(facts, target) {
  const problems = []
  const check = (holds, problem) => holds || problems.push(problem)
  check(facts.format === FORMATS[target.platform], `it is ${facts.format}`)
  check(facts.arch === target.arch, `it is for ${facts.arch}`)
  check(facts.exports.includes('napi_register_module_v1'), 'it exports no napi_register_module_v1')
  const foreign = facts.needed.filter(name => !target.system.some(own => own.test(name)))
  check(foreign.length === 0, `it needs ${foreign.join(', ')}`)
  check(facts.stripped && facts.debug.length === 0, 'it is not stripped')
  check(facts.size <= MAX_SIZE, `it has ${facts.size} bytes`)
  if (target.glibc) {
    const glibc = glibcOf(facts)
    check(glibc && compare(glibc, target.glibc) <= 0, `it needs glibc ${glibc}`)
  }
  if (target.platform === 'darwin') {
    check(facts.macos && compare(facts.macos, MACOS_FLOOR) <= 0, `it needs macOS ${facts.macos}`)
    check(facts.identity === `@rpath/${target.file}`, `it calls itself ${facts.identity}`)
    // Apple's processors run only signed code. An ad hoc signature is enough.
    check(facts.signed || target.arch === 'x64', 'it has no signature that holds')
  }
  return problems
}

function compare(one, other) {
  const [a, b] = [one, other].map(version => version.split('.').map(Number))
  return a[0] - b[0] || (a[1] ?? 0) - (b[1] ?? 0)
}
