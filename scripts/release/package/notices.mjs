/** Copies the licences beside the binaries, for users who install a platform's package. */
import { copyFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from '../../lib/setup.mjs'

export function copyNotices(directory) {
  for (const platform of readdirSync(join(directory, 'npm'))) {
    for (const name of ['LICENSE', 'THIRD-PARTY.md']) {
      copyFileSync(join(root, name), join(directory, 'npm', platform, name))
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) copyNotices(root)
