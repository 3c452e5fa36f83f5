/** Makes the table of docs/reference/platforms.md from what was built and run. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../lib/setup.mjs'
import { glibcOf } from './inspect.mjs'

const PAGE = join(root, 'docs', 'reference', 'platforms.md')
const [START, END] = ['<!-- platforms: start -->', '<!-- platforms: end -->']

/** One row per target, for the terminal and the page. */
export function table(results) {
  const head = ['platform', 'built as', 'checked', 'ran on', 'KB', 'needs']
  const rows = results.map(({ target, triple, facts, problems, failure, ran = [], missing }) => [
    `\`${target.name}\``,
    failure ? `not built: ${failure}` : `\`${triple}\``,
    failure ? '' : problems.length ? `**${problems.join('; ')}**` : 'yes',
    failure
      ? ''
      : ran.map(({ label, problem }) => (problem ? `**${label}: ${problem}**` : label)).join('; ') ||
        `not run${missing ? `: ${missing}` : ''}`,
    failure ? '' : String(Math.round(facts.size / 1000)),
    failure ? '' : needs(target, facts),
  ])
  return [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n')
}

export function writeTable(results, made) {
  const page = readFileSync(PAGE, 'utf8')
  const [before, after] = [page.indexOf(START), page.indexOf(END)]
  if (before < 0 || after < before) throw new Error(`${PAGE} has no place for the table`)
  const text = `${START}\n${table(results)}\n\n${made}\n${page.slice(after)}`
  writeFileSync(PAGE, page.slice(0, before) + text)
}

function needs(target, facts) {
  if (target.glibc) return `glibc ${glibcOf(facts)}`
  if (target.platform === 'darwin') return `macOS ${facts.macos}`
  return target.abi === 'musl' ? 'musl' : 'Windows 10'
}
