/**
 * Blobs that tell what they are: the number in the first four bytes decides the length and every byte
 * after it, so that one that was torn, or mixed with another, is noticed.
 */
export function blobOf(number: number): Buffer {
  const blob = Buffer.alloc(16 + ((number * 37) % 3000), number % 251)
  blob.writeUInt32BE(number)
  return blob
}

export function numberOf(blob: Buffer): number {
  const number = blob.readUInt32BE()
  if (!blob.equals(blobOf(number))) throw new Error(`the bytes of blob ${number} are not its own`)
  return number
}
