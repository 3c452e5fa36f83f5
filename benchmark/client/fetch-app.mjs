// An application that knows nothing of this package: fetches a URL now and then.
import { setTimeout } from 'node:timers/promises'

const [url, count] = process.argv.slice(2)
for (let i = 0; i < Number(count); i++) {
  await (await fetch(url)).text()
  await setTimeout(1000)
  globalThis.gc?.()
}
