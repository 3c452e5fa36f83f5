/**
 * `npm run check:docs`: checks the documents. Their figures are those of recorded results, links and cited tests exist,
 * and typedoc accepts the comments of `src`. The last line is `N passed, M failed`.
 */
import { countAva } from '../lib/counts.mjs'
import { setUp } from '../lib/setup.mjs'
import { runSteps } from '../test/steps.mjs'

await setUp()
await runSteps([
  {
    name: 'documents',
    command: [process.execPath, 'node_modules/ava/entrypoints/cli.mjs', 'checks/*.test.ts'],
    count: countAva,
  },
  { name: 'API reference', command: [process.execPath, 'scripts/docs/reference/main.mjs'] },
])
