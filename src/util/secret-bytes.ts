/**
 * The least number of bytes that V8 keeps outside of its heap. Bytes of a smaller typed array are part of a heap object.
 * The garbage collector copies them, and so does V8 when an addon asks for their address. Wiping the array
 * then wipes one of several copies.
 */
const LEAST_LENGTH = 128

/** Returns zeroed memory for a secret, outside of V8's heap and shared with nothing else. The caller wipes it after use. */
export function secretBytes(length: number): Buffer<ArrayBuffer> {
  return Buffer.allocUnsafeSlow(Math.max(length, LEAST_LENGTH)).fill(0).subarray(0, length)
}
