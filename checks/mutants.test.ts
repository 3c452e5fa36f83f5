import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { made, mutants } from '../scripts/test/mutation-core/mutants.mjs'

const store = join(import.meta.dirname, '..', 'crates/core/src/store')

test('mutants: each mutation of the core applies to the current source', t => {
  for (const mutant of mutants) {
    const text = readFileSync(join(store, mutant.file), 'utf8')
    t.notThrows(() => t.not(made(mutant, text), text))
  }
})
