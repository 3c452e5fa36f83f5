/**
 * `npm run bench:networks [-- --quick --record --json FILE --rounds N]`: measures the time to the first byte over networks with
 * delay, and counts bytes and packets of handshakes.
 *
 * Needs the drivers of `e2e/drivers`, and nginx, MariaDB and PostgreSQL. As root, it installs what is missing.
 */
import { openWorkshop } from '../../e2e/drivers/workshop.ts'
import { installDrivers } from '../../scripts/lib/setup.mjs'
import { runBenchmark } from '../lib/runner.ts'
import { firstBytes, firstByteTable } from './first-byte.ts'
import { sizes, sizeTable } from './sizes.ts'
import { TOXIPROXY, Toxiproxy } from './toxiproxy.ts'

await runBenchmark('networks', { quick: 1, full: 9 }, async ({ rounds, progress }) => {
  await installDrivers()
  progress.phase('bytes of handshakes')
  const counted = await sizes()
  progress.phase('starting toxiproxy')
  const toxiproxy = await Toxiproxy.start()
  const cells = await firstBytes(await openWorkshop(), toxiproxy, rounds, what => progress.phase(what))
  await toxiproxy.close()
  return {
    tables: [firstByteTable(cells, rounds), sizeTable(counted)],
    targets: [],
    versions: { toxiproxy: TOXIPROXY },
  }
})
process.exit()
