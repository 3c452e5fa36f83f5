// An application without a line about this package. It fetches a URL from time to time.
import { setTimeout } from 'node:timers/promises'

const [url, count] = process.argv.slice(2)
for (let i = 0; i < Number(count); i++) {
  await (await fetch(url)).text()
  await setTimeout(1000)
  globalThis.gc?.()
}
