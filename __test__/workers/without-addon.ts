/**
 * Loads the package only in workers, one after the other, which end in different ways. The main thread never loads it.
 * Prints the number of sessions that had been stored when each worker started.
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
  // The sweeper runs on without the thread that loaded its code.
  await delay(50)
}
