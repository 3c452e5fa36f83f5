/**
 * Returns a blob whose first four bytes are its number. The number decides the length and all other bytes, so that a torn
 * or mixed blob is detected.
 */
export function blobOf(number: number): Buffer {
  const blob = Buffer.alloc(16 + ((number * 37) % 3000), number % 251)
  blob.writeUInt32BE(number)
  return blob
}

/** Returns the number of a blob. Throws if any byte does not match it. */
export function numberOf(blob: Buffer): number {
  const number = blob.readUInt32BE()
  if (!blob.equals(blobOf(number))) throw new Error(`blob ${number} has wrong bytes`)
  return number
}
