/**
 * Fails on words and sentences that the style of this repository rules out:
 *
 * - words that stand for no certain thing, in code, comments and documents;
 * - sentences of more than 30 words, in doc comments and documents.
 *
 * `prose-baseline.json` has the numbers that are still allowed. They may only become less: `--update` writes them.
 * `npm run lint:prose -- PATH …` prints all findings in these files or folders.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { sentencesOf } from './sentences.mjs'

const WORDS =
  /\b(nobody|somebody|anybody|everybody|whoever|whom|anew|seen to|left alone|of no use|in vain|meanwhile|as ever|so many|let go of)\b/gi
const MAX_WORDS = 30

/** Texts of others, generated files, and the pages that name the words. `nobody` is also the user of some servers. */
const EXCEPT =
  /^(THIRD-PARTY\.md|BENCHMARKS\.md|CHANGELOG\.md|docs\/(results|reference\/api|internals\/(style|glossary))|benchmark\/results|scripts\/lint\/)/
const SYSTEM_USER = /\b(user|User|uid|chown|su)\b.*\bnobody\b|_user = nobody|'nobody'/

const BASELINE = new URL('prose-baseline.json', import.meta.url)
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: 'boolean', default: false } },
})

const files = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard', ...positionals],
  {
    encoding: 'utf8',
  },
)
  .split('\0')
  .filter(
    file =>
      /\.(ts|mts|mjs|cjs|cts|rs|md|yml)$|^\.ci\/run$/.test(file) && !EXCEPT.test(file) && existsSync(file),
  )

const found = { words: [], sentences: [] }
for (const file of files) {
  const text = readFileSync(file, 'utf8')
  for (const [index, line] of text.split('\n').entries()) {
    for (const [word] of line.matchAll(WORDS)) {
      if (!SYSTEM_USER.test(line)) found.words.push(`${file}:${index + 1}: "${word}"`)
    }
  }
  for (const { line, sentence } of sentencesOf(file, text)) {
    const count = sentence.split(/\s+/).filter(word => /\w/.test(word)).length
    if (count > MAX_WORDS) found.sentences.push(`${file}:${line}: ${count} words: ${sentence.slice(0, 60)} …`)
  }
}

const counts = { words: found.words.length, sentences: found.sentences.length }
if (positionals.length > 0) {
  for (const finding of [...found.words, ...found.sentences]) console.log(finding)
  process.exitCode = counts.words + counts.sentences === 0 ? 0 : 1
} else {
  const allowed = JSON.parse(readFileSync(BASELINE, 'utf8'))
  for (const kind of Object.keys(counts)) {
    if (counts[kind] <= allowed[kind]) continue
    process.exitCode = 1
    console.log(
      `${counts[kind]} ${kind} to rewrite, where ${allowed[kind]} are allowed: npm run lint:prose -- PATH`,
    )
  }
  const isLess = Object.keys(counts).some(kind => counts[kind] < allowed[kind])
  if (values.update && process.exitCode !== 1)
    writeFileSync(BASELINE, `${JSON.stringify(counts, null, 1).replace(/\n ?/g, ' ')}\n`)
  else if (isLess)
    console.log(`prose: ${counts.words} words and ${counts.sentences} sentences are left to rewrite`)
}
