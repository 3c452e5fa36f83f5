/**
 * Measures each way in every round, in another order each time, so that none always follows the same one. Returns
 * the results of the rounds, per way.
 */
export async function inTurns<Way, Result>(
  ways: readonly Way[],
  rounds: number,
  measure: (way: Way) => Promise<Result>,
): Promise<Result[][]> {
  const results = ways.map((): Result[] => [])
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < ways.length; step++) {
      const which = (step + round) % ways.length
      results[which]?.push(await measure(ways[which] as Way))
    }
  }
  return results
}
