// An application that does not import the package. It sends `count` requests by https.get or fetch, two at a time.
import { once } from 'node:events'
import https from 'node:https'

const [how, port, count] = process.argv.slice(2)
const url = `https://localhost:${port}/`

async function byHttps() {
  const [response] = await once(https.get(url), 'response')
  return (await response.toArray()).join('')
}

async function byFetch() {
  return (await fetch(url)).text()
}

const request = how === 'https' ? byHttps : byFetch
const answers = [await request()]
while (answers.length < Number(count)) answers.push(...(await Promise.all([request(), request()])))
console.log(answers.join(''))
