import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../lib/setup.mjs'

/**
 * Returns the command that tests a crate or one of its files. `names` are parts of test names.
 *
 * - `crates/core` is the whole crate.
 * - `crates/core/src/store/read.rs` is the module `store::read` of the library.
 * - `crates/core/tests/it/expiry.rs` is the module `expiry` of the integration test `it`.
 *
 * @param {string[]} path and names
 */
export function cargoTest([path, ...names]) {
  const parts = path.replace(/^\.\//, '').replace(/\.rs$/, '').split(/[\\/]/)
  const [, crate, kind, ...modules] = parts.filter(part => !['', 'lib', 'main', 'mod'].includes(part))
  const [, name] = readFileSync(join(root, 'crates', crate, 'Cargo.toml'), 'utf8').match(/^name = "(.+)"/m)
  const target = kind === 'tests' ? ['--test', modules.shift()] : kind === 'src' ? ['--lib'] : []
  const filters = [...(modules.length > 0 ? [modules.join('::')] : []), ...names]
  return ['cargo', 'test', '--locked', '--quiet', '--package', name, ...target, '--', ...filters]
}
