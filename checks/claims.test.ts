/** Figures in documents come from recorded results, and each result names the command that repeats it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { recordedResults } from '../benchmark/lib/record.ts'
import { CHAPTERS } from '../benchmark/lib/report/document.ts'
import { generated, WITH_PLACES } from '../benchmark/lib/report/documents.ts'

const root = join(import.meta.dirname, '..')
const results = recordedResults()

test('claims: every benchmark is recorded with the command that repeats it', t => {
  const names = Object.keys(CHAPTERS)
  t.deepEqual(
    names.filter(name => !results.has(name)),
    [],
  )
  for (const name of names) {
    const result = results.get(name)
    t.true(result?.command.startsWith(`npm run bench:${name}`), name)
    t.regex(result?.date ?? '', /^\d{4}-\d\d-\d\d$/, name)
    for (const target of result?.targets ?? []) {
      for (const figure of Object.values(target)) t.not(figure, null, `${name}: ${target.figure}`)
    }
  }
})

test('claims: the recorded results are a summary of at most 400 lines', t => {
  const folder = join(root, 'benchmark', 'results')
  const names = readdirSync(folder).filter(name => name.endsWith('.json'))
  const texts = names.map(name => readFileSync(join(folder, name), 'utf8'))
  t.true(texts.join('').split('\n').length <= 400)
})

test('claims: the page of benchmarks has at most 250 lines', t => {
  t.true(read('docs/results/benchmarks.md').split('\n').length <= 250)
})

test('claims: documents and charts show the recorded results', t => {
  const files = generated()
  t.true(files.has('docs/results/benchmarks.md'))
  for (const [file, content] of files) t.is(read(file), content, file)
})

/** Figures outside of generated blocks that were not measured, with their reason. Each has to be in its document. */
const ALLOWED: Record<string, Record<string, string>> = {
  'README.md': {},
  'docs/explanation/comparison.md': {},
  'docs/explanation/performance.md': {},
  'docs/explanation/how-it-works.md': {},
  'docs/how-to/enable-for-a-process.md': {},
  'docs/how-to/use-with-a-driver.md': {},
  'docs/how-to/measure.md': {},
  'docs/tutorials/share-between-workers.md': {},
  'docs/how-to/run-servers.md': { '64 ×': 'the bounds of `keep`' },
  'docs/how-to/run-a-fleet.md': { '64 MiB': 'the size of a value that an attacker stores' },
}

for (const [file, allowed] of Object.entries(ALLOWED)) {
  test(`claims: ${file} has no figure outside of generated blocks`, t => {
    const prose = proseOf(read(file))
    for (const words of Object.keys(allowed))
      t.true(prose.includes(words), `not in the document any more: ${words}`)
    const rest = Object.keys(allowed).reduce((text, words) => text.replaceAll(words, ''), prose)
    t.deepEqual(claimsIn(rest), [])
  })
}

test('claims: figures with units are recognized', t => {
  for (const claim of [
    '3 ms',
    '12 µs',
    '0.31x',
    '1.5×',
    '30 %',
    '30%',
    '3 times',
    '900 MB',
    '500/s',
    '2 KB',
    '4 GiB',
    '10 s',
    '1.2 million',
    '300 connections',
    '0.35 of a full handshake',
  ]) {
    t.deepEqual(claimsIn(`it takes ${claim}.`), [claim])
  }
  for (const none of [
    'TLS 1.3',
    'RFC 8446 section 4.6',
    'Node.js 20.19',
    '100 keys',
    'rustls 0.23',
    'AES-256',
  ]) {
    t.deepEqual(claimsIn(none), [], none)
  }
})

test('claims: every generated block has an end', t => {
  for (const file of WITH_PLACES) {
    const text = read(file)
    t.is(
      text.match(/<!-- results: /g)?.length ?? 0,
      text.match(/<!-- results: [^>]+-->\n.*?<!-- end -->/gs)?.length ?? 0,
    )
  }
})

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** Returns the text without generated blocks, code and links. */
function proseOf(text: string): string {
  return text
    .replace(/<!-- (?:results:|by) .*?<!-- end -->/gs, '')
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`]*`/g, '')
    .replace(/\]\([^)]*\)/g, ']')
}

/** Returns figures with a unit, ratios, percentages and multiples. */
function claimsIn(text: string): string[] {
  const units =
    '(?:[mµun]?s|[kKMGT]i?B|%|[x×]|times|percent|million|connections|handshakes|of a full handshake|per second)'
  const pattern = new RegExp(`\\b\\d[\\d,.]*(?:/s\\b| ?${units}(?![\\w]))`, 'g')
  return text.match(pattern) ?? []
}
