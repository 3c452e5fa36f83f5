/**
 * `npm run licences`: writes THIRD-PARTY.md, the licences of all code that is linked into the binaries. With
 * `--check` it fails if that file is out of date. The npm packages of this project are not shipped.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { targets } from '../build/platforms/targets.mjs'
import { root } from '../lib/setup.mjs'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const FILE = join(root, 'THIRD-PARTY.md')

/** The licences that may be shipped. If a crate offers several, the first of these is used. */
const ACCEPTED = ['MIT', 'ISC']

/** If a crate has no licence file, the names in its manifest go into the usual text. */
const MIT_TEXT = readFileSync(join(root, 'LICENSE'), 'utf8').replace(
  /^.*?(?=Permission is hereby granted)/s,
  '',
)

const crates = shipped()
const sections = new Map()
for (const { name, version, licence, text } of crates) {
  const same = sections.get(text) ?? { licence, names: [], text }
  same.names.push(`\`${name}\` ${version}`)
  sections.set(text, same)
}
const page = [
  '# Licences of what the binaries contain',
  '',
  'Made by `npm run licences` from the dependencies of `crates/binding` on the platforms that are shipped. Where a crate',
  'offers several licences, it is used under the one given here. The JavaScript contains no code of others.',
  '',
  'Each binary also contains parts of the [Rust standard library](https://www.rust-lang.org) (MIT or Apache-2.0, Copyright',
  '(c) The Rust Project Contributors, and the crates that its `COPYRIGHT-library.html` lists), and those for Linux parts of',
  "LLVM's `compiler-rt` and `libunwind` (Apache-2.0 with LLVM exceptions, Copyright (c) LLVM contributors).",
  '',
  ...[...sections.values()].flatMap(({ licence, names, text }) => [
    `## ${names.join(', ')}`,
    '',
    `${licence}:`,
    '',
    '```text',
    text,
    '```',
    '',
  ]),
].join('\n')

if (!values.check) {
  writeFileSync(FILE, page)
} else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== page) {
  throw new Error('THIRD-PARTY.md is out of date. Run: npm run licences')
}
process.stdout.write(`${crates.length} crates\n`)

function shipped() {
  const linked = new Set()
  for (const { triple } of targets) {
    const choice = [
      '--package',
      'tls-resumption-binding',
      '--edges',
      'normal,no-proc-macro',
      '--target',
      triple,
    ]
    const output = cargo('tree', ...choice, '--prefix', 'none', '--no-dedupe', '--format', '{p}')
    for (const [, name, version] of output.matchAll(/^(\S+) v(\S+)/gm)) linked.add(`${name} ${version}`)
  }
  const { packages } = JSON.parse(cargo('metadata', '--format-version=1'))
  return packages
    .filter(({ name, version, source }) => source && linked.has(`${name} ${version}`))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(described)
}

function described({ name, version, license, manifest_path, authors }) {
  const offered = license.split(/ OR |\//)
  const licence = ACCEPTED.find(one => offered.includes(one))
  if (!licence) throw new Error(`${name} ${version} has the licence ${license}. Accepted are ${ACCEPTED}.`)
  const folder = join(manifest_path, '..')
  const files = readdirSync(folder)
  const file = files.find(one => one.toUpperCase() === `LICENSE-${licence}`) ?? files.find(isPlain)
  const holders = authors.length
    ? authors.map(author => author.replace(/ <.*>/, '')).join(', ')
    : `the authors of ${name}`
  const text = file ? readFileSync(join(folder, file), 'utf8') : `Copyright (c) ${holders}\n\n${MIT_TEXT}`
  return { name, version, licence, text: text.replaceAll('\r\n', '\n').trim() }
}

function isPlain(file) {
  return /^LICEN[CS]E(\.(md|txt))?$/i.test(file)
}

function cargo(...args) {
  const { status, stdout, stderr } = spawnSync('cargo', [...args, '--locked'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
}
