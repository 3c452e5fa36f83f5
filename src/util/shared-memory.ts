import { types } from 'node:util'

const bufferOfArray = bufferGetter(Object.getPrototypeOf(Uint8Array.prototype))
const bufferOfDataView = bufferGetter(DataView.prototype)

function bufferGetter(prototype: object): () => ArrayBufferLike {
  return Object.getOwnPropertyDescriptor(prototype, 'buffer')?.get as () => ArrayBufferLike
}

/** Returns the memory of a view, whatever property `buffer` the object itself has. */
export function bufferOf(view: ArrayBufferView): ArrayBufferLike {
  return (types.isDataView(view) ? bufferOfDataView : bufferOfArray).call(view)
}

/** True if another thread may change the bytes at any time. */
export function isSharedMemory(view: ArrayBufferView): boolean {
  return types.isSharedArrayBuffer(bufferOf(view))
}
