/** Runs Node.js's own tests of TLS, HTTPS and HTTP/2. */
import { rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeProgram } from '../../../scripts/lib/nodes.mjs'
import { judge, type Verdict } from '../judge.ts'
import type { Report } from '../report.ts'
import { fetchSuite } from './source.ts'
import { type NodeTest, runnerOf, testsOf } from './tests.ts'

/** Runs all tests, or those whose names hold one of `only`, on a version of Node.js. */
export async function compareNodeSuite(
  report: Report,
  { node, only }: { node: number; only?: readonly string[] },
): Promise<void> {
  process.on('exit', () =>
    rmSync(join(tmpdir(), `tls-compare-${process.pid}`), { recursive: true, force: true }),
  )
  const suite = fetchSuite(node)
  const tests = testsOf(suite).filter(({ name }) => only?.some(part => name.includes(part)) ?? true)
  report.section(`node${node}: ${tests.length} tests of Node.js ${suite.version}`)
  const verdicts = new Map<string, Verdict>()
  const program = nodeProgram(node)
  const judgeTest = async (test: NodeTest, lane: number) => {
    verdicts.set(test.name, await judge(runnerOf(suite, test, program, lane)))
  }
  await inLanes(
    tests.filter(({ isParallel }) => isParallel),
    judgeTest,
  )
  for (const test of tests.filter(({ isParallel }) => !isParallel)) await judgeTest(test, 0)
  reportVerdicts(report, node, verdicts)
}

/** Goes through a list with as many at a time as there are processors. */
async function inLanes(
  tests: readonly NodeTest[],
  act: (test: NodeTest, lane: number) => Promise<void>,
): Promise<void> {
  const rest = tests.values()
  const lanes = Array.from({ length: availableParallelism() }, (_, index) => index + 1)
  await Promise.all(
    lanes.map(async lane => {
      for (const test of rest) await act(test, lane)
    }),
  )
}

function reportVerdicts(report: Report, node: number, verdicts: ReadonlyMap<string, Verdict>): void {
  const namesOf = (culprit: Verdict['culprit']) =>
    [...verdicts].filter(([, verdict]) => verdict.culprit === culprit).map(([name]) => name)
  report.passed(namesOf('none').length)
  for (const [culprit, words] of [
    ['preload', 'fail with any preload'],
    ['always', 'fail with plain Node.js as well'],
  ] as const) {
    const names = namesOf(culprit)
    if (names.length > 0) report.note(`${names.length} ${words}: ${names.join(', ')}`)
  }
  for (const name of namesOf('auto')) report.finding(`node${node} · ${name}: ${verdicts.get(name)?.failure}`)
}
