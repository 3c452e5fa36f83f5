/**
 * Loads the package in workers only, one after the other, each of which ends in another way; the main
 * thread never does. Prints how many sessions had ever been stored when each worker came.
 */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { startWorker } from './start.ts'

for (const end of ['return', 'process.exit', 'terminate', 'return', 'process.exit', 'terminate']) {
  const worker = startWorker('sweeping.ts', end)
  const exit = once(worker, 'exit')
  const [sets] = await once(worker, 'message')
  if (end === 'terminate') await worker.terminate()
  await exit
  console.log(sets)
  // Time for the sweeper to run on, without the thread that has loaded its code.
  await delay(50)
}
