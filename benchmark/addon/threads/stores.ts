/** Ways for threads to share sessions. */
import type { MessagePort } from 'node:worker_threads'
import { open as openLmdb } from 'lmdb'
import { SessionCache } from 'tls-resumption'
import { borrowSession } from '../../../dist/cache/internal.js'
import { ask } from './broker.ts'

export type Operation = 'get' | 'borrow' | 'set' | 'exchange'

type Run = (key: string, blob: Buffer) => unknown

export interface Store {
  /** Returns a Buffer that the caller may keep. */
  get: Run
  /** Returns a Buffer that is valid until the next call. */
  borrow?: Run
  set: Run
  /** Takes one ticket and stores another. */
  exchange?: Run
  answersLater?: boolean
}

interface Connections {
  place: string
  broker: MessagePort
}

const STORES: Record<string, (connections: Connections) => Store> = {
  'tls-resumption'({ place }) {
    const cache = new SessionCache({ name: place, sweepInterval: 0 })
    return {
      get: key => cache.get(key),
      borrow: key => borrowSession(cache, 'get', key, blob => blob.length),
      set: (key, blob) => cache.set(key, blob),
      exchange(key, blob) {
        cache.take(key)
        cache.set(key, blob)
      },
    }
  },
  // Neither waits for a disk.
  lmdb({ place }) {
    const database = openLmdb<Buffer, string>({
      path: place,
      encoding: 'binary',
      noSync: true,
      noMetaSync: true,
    })
    return {
      get: key => database.getBinary(key),
      borrow: key => database.getBinaryFast(key),
      set: (key, blob) => database.putSync(key, blob),
      exchange: (key, blob) =>
        database.transactionSync(() => {
          database.getBinary(key)
          database.removeSync(key)
          database.putSync(key, blob)
        }),
    }
  },
  'a Map asked by messages': ({ broker }) => ({
    answersLater: true,
    get: key => ask(broker, key),
    borrow: key => ask(broker, key),
    set: (key, blob) => ask(broker, key, blob),
  }),
}

export async function open(name: string, connections: Connections): Promise<Store> {
  const make = STORES[name]
  if (make === undefined) throw new RangeError(`there is no ${name}`)
  return make(connections)
}
