/** Counts passed and failed tests in the output of test programs. */

/** Adds up one line per test binary: `test result: ok. 3 passed; 0 failed; …`. */
export function countCargo(output) {
  const sum = { passed: 0, failed: 0 }
  for (const [, passed, failed] of output.matchAll(/^test result: .*?(\d+) passed; (\d+) failed;/gm)) {
    sum.passed += Number(passed)
    sum.failed += Number(failed)
  }
  return sum
}

/** Counts ava's ticks, and reads its closing lines: `1 test failed`, `1 uncaught exception`. */
export function countAva(output) {
  const problems = [
    ...output.matchAll(
      /^\s+(\d+) (?:tests? failed|uncaught exceptions?|unhandled rejections?|tests? timed out|.*known failures?)/gm,
    ),
  ]
  return {
    passed: output.match(/^\s+✔ /gm)?.length ?? 0,
    failed: problems.reduce((total, [, count]) => total + Number(count), 0),
    skipped: Number(output.match(/^\s+(\d+) tests? skipped/m)?.[1] ?? 0),
  }
}

/** Reads the closing line of this repository's programs: `1 passed, 2 failed`. */
export function countClosing(output) {
  const [, passed = 0, failed = 0] = output.match(/^(\d+) passed, (\d+) failed\n$/m) ?? []
  return { passed: Number(passed), failed: Number(failed) }
}
