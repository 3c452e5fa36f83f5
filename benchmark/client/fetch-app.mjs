// An application without a line about this package. It fetches a URL from time to time, and prints what it has loaded.
import { setTimeout } from 'node:timers/promises'

const [url, count, gap, loaded] = process.argv.slice(2)
for (let i = 0; i < Number(count); i++) {
  await (await fetch(url)).text()
  await setTimeout(Number(gap))
  // Only with --expose-gc.
  globalThis.gc?.()
}
const { loadedFiles } = await import(loaded)
console.log(JSON.stringify(loadedFiles()))
