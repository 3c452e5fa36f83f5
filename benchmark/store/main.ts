/**
 * `npm run bench:core [-- --quick --record --json FILE --rounds N]`: measures the store beside other caches.
 *
 * `npm run bench:core -- throughput --mix take-set --threads 1,2` measures one part. Parts are throughput, memory, sweep,
 * hit-ratio and residue; `npm run bench:core -- throughput --help` prints their options.
 */
import { execFileSync } from 'node:child_process'
import os from 'node:os'
import { createProgress, type Progress } from '../lib/progress.ts'
import { type Findings, report } from '../lib/record.ts'
import type { ResultTable } from '../lib/result.ts'
import { runBenchmark } from '../lib/runner.ts'
import { NEEDED, type Plan, plan } from './plan.ts'
import { PARTS, type Part, Program, type Rows } from './program.ts'
import { hitRatioTable, hitRatioTargets } from './tables/hit-ratio.ts'
import { memoryTable, memoryTargets, roundingTable } from './tables/memory.ts'
import { sweepTable } from './tables/sweep.ts'
import { inCachesTarget, mixTables, overview, sizeTable, throughputTargets } from './tables/throughput.ts'
import { residueTable, residueTargets, wipingTable } from './tables/wiping.ts'

const [part, ...options] = process.argv.slice(2)
if (PARTS.includes(part as Part)) await runPart(part as Part, options)
else {
  await runBenchmark('core', { quick: 6, full: 20 }, async ({ quick, rounds, progress }) => {
    if (!quick && os.freemem() < NEEDED)
      throw new RangeError(
        `a run of all sizes needs ${NEEDED / 2 ** 30} GiB of free memory; --quick does not`,
      )
    return measure(plan({ quick, rounds }), progress)
  })
}

/** Measures one part with the options of the program that measures it. */
async function runPart(part: Part, options: string[]): Promise<void> {
  const progress = createProgress()
  progress.phase('building')
  const program = await Program.build()
  const tables = await tablesOf(part)
  progress.stop()
  const command = `npm run bench:core -- ${[part, ...options].join(' ')}`
  report({ name: 'core', command, tables, targets: [] })

  async function tablesOf(part: Part): Promise<ResultTable[]> {
    const run = <P extends Part>(part: P) => program.run(part, options, progress.phase)
    switch (part) {
      case 'throughput':
        return mixTables(await run(part))
      case 'memory':
        return [memoryTable(await run(part))]
      case 'sweep':
        return [sweepTable(await run(part))]
      case 'hit-ratio':
        return [hitRatioTable(await run(part))]
      case 'residue':
        return [residueTable(await run(part))]
    }
  }
}

async function measure(plan: Plan, { phase }: Progress): Promise<Omit<Findings, 'name' | 'command'>> {
  phase('building')
  const program = await Program.build()
  const unwiped = plan.wiping && (await Program.build({ unwiped: true }))
  const run = <P extends Part>(part: P, options: string[]) => program.run(part, options, phase)

  const main = await run('throughput', plan.main)
  const mixes = await run('throughput', plan.mixes)
  const inCaches = await run('throughput', plan.inCaches)
  const sizes: Rows['throughput'][] = []
  for (const options of plan.sizes) sizes.push(...(await run('throughput', options)))
  const memory = await run('memory', plan.memory)
  const rounding = await run('memory', plan.rounding)
  const sweep = await run('sweep', plan.sweep)
  const hits = await run('hit-ratio', plan.hitRatio)
  const residue = await run('residue', plan.residue)
  const pairs = []
  for (let n = 0; unwiped && plan.wiping && n < plan.wiping.runs; n++) {
    const options = plan.wiping.options
    phase(`with and without wiping, ${n + 1} of ${plan.wiping.runs}`)
    const silent = () => {}
    pairs.push({
      wiping: await program.run('throughput', options, silent),
      not: await unwiped.run('throughput', options, silent),
    })
  }
  return {
    tables: [
      ...mixTables(main),
      ...mixTables(inCaches).map(table => ({ ...table, id: 'take-set-in-caches', isDetail: true })),
      ...(pairs.length ? [wipingTable(pairs)] : []),
      residueTable(residue),
      { ...overview(mixes), isDetail: true },
      { ...sizeTable(sizes), isDetail: true },
      memoryTable(memory),
      { ...roundingTable(rounding), isDetail: true },
      sweepTable(sweep),
      hitRatioTable(hits),
    ],
    targets: [
      ...throughputTargets([...main, ...mixes, ...sizes]),
      inCachesTarget(inCaches),
      ...memoryTargets(memory),
      ...hitRatioTargets(hits),
      ...residueTargets(residue),
    ],
    versions: { rustc: execFileSync('rustc', ['--version'], { encoding: 'utf8' }).split(' ')[1] ?? '' },
  }
}
