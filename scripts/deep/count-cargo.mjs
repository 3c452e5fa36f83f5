/** Adds up one line a test binary: `test result: ok. 3 passed; 0 failed; …`. */
export function countCargo(output) {
  const sum = { passed: 0, failed: 0 }
  for (const [, passed, failed] of output.matchAll(/^test result: .*?(\d+) passed; (\d+) failed;/gm)) {
    sum.passed += Number(passed)
    sum.failed += Number(failed)
  }
  return sum
}
