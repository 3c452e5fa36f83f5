/**
 * Fails on commits whose subject has not the form `scope: summary` with at most 72 characters:
 * `node scripts/lint/check-commits.mjs BASE`, where BASE is the branch or commit that they come after.
 */
import { execFileSync } from 'node:child_process'

const FORM = /^[a-z0-9/,._-]+: \S.*[^.\s]$/
const MAX_LENGTH = 72

const [base] = process.argv.slice(2)
if (base === undefined) throw new Error('usage: node scripts/lint/check-commits.mjs BASE')
const subjects = execFileSync('git', ['log', '--no-merges', '--format=%h %s', `${base}..HEAD`], {
  encoding: 'utf8',
})
for (const line of subjects.split('\n').filter(Boolean)) {
  const subject = line.slice(line.indexOf(' ') + 1)
  if (FORM.test(subject) && subject.length <= MAX_LENGTH) continue
  console.error(`not "scope: summary" with at most ${MAX_LENGTH} characters: ${line}`)
  process.exitCode = 1
}
