import test from 'ava'
import { similar } from '../../dist/util/validate.js'

for (const [one, other] of [
  ['exclude', 'exclude'],
  ['exclude', 'Exclude'],
  ['maxSize', 'MAX_SIZE'],
  ['exclude', 'excludes'],
  ['exclude', 'exlude'],
  ['exclude', 'exclade'],
  ['exclude', 'excldue'],
  ['exclude', 'xeclude'],
  ['exclude', 'exclued'],
  ['off', 'offf'],
] as const) {
  test(`similar: ${one} and ${other}`, t => {
    t.true(similar(one, other))
    t.true(similar(other, one))
  })
}

for (const [one, other] of [
  ['exclude', 'include'],
  ['exclude', 'excludeds'],
  ['exclude', 'eculxde'],
  ['exclude', 'xceludes'],
  ['max', 'maxAge'],
  ['share', 'sampleRate'],
] as const) {
  test(`similar: ${one} and ${other} are not`, t => {
    t.false(similar(one, other))
    t.false(similar(other, one))
  })
}
