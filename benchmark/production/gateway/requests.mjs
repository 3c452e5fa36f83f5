import https from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'

/**
 * Sends requests to upstreams until `signal` aborts, by `https` with an agent and by `fetch` in turn. Some upstreams are asked more
 * often than others. A request that fails is sent once more, as gateways do.
 *
 * Returns latencies in milliseconds, and the number of requests that failed twice.
 */
export async function sendRequests({ ports, perSecond, seed }, signal) {
  const agent = new https.Agent({ keepAlive: true })
  const random = randomFrom(seed)
  const latencies = []
  const open = new Set()
  let errors = 0
  const request = async (port, isFetch) => {
    const started = performance.now()
    const send = isFetch ? byFetch : byHttps
    try {
      await send(port, agent).catch(() => send(port, agent))
      latencies.push(performance.now() - started)
    } catch {
      errors++
    }
  }
  for (let n = 0; !signal.aborted; n++) {
    // Zipf's law, roughly: the first upstreams have most requests.
    const port = ports[Math.floor(ports.length ** random()) - 1] ?? ports[0]
    const sent = request(port, n % 2 === 0).finally(() => open.delete(sent))
    open.add(sent)
    await setTimeout((2000 * random()) / perSecond)
  }
  await Promise.all(open)
  agent.destroy()
  return { latencies, errors }
}

async function byFetch(port) {
  return (await fetch(`https://localhost:${port}/`)).text()
}

function byHttps(port, agent) {
  return new Promise((resolve, reject) => {
    https.get({ host: 'localhost', port, agent }, response => resolve(text(response))).on('error', reject)
  })
}

/** Returns numbers from 0 to 1, exclusive, the same for the same seed (mulberry32). */
function randomFrom(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
