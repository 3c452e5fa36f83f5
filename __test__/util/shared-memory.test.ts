import test from 'ava'
import { isSharedMemory } from '../../dist/util/shared-memory.js'

for (const View of [Uint8Array, Float64Array, DataView, Buffer]) {
  test(`shared memory: a ${View.name} is looked at itself, not its property`, t => {
    const make = (memory: ArrayBufferLike) =>
      View === Buffer ? Buffer.from(memory) : new (View as typeof DataView)(memory)
    const shared = make(new SharedArrayBuffer(8))
    const own = make(new ArrayBuffer(8))
    t.is(isSharedMemory(shared), true)
    t.is(isSharedMemory(own), false)
    Object.defineProperty(shared, 'buffer', { value: new ArrayBuffer(8) })
    Object.defineProperty(own, 'buffer', { value: new SharedArrayBuffer(8) })
    t.is(isSharedMemory(shared), true)
    t.is(isSharedMemory(own), false)
  })
}
