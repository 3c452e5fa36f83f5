import { once } from 'node:events'
import tls from 'node:tls'
import { finish } from './server.ts'

/** How a client's connection ended. */
export interface Outcome {
  resumed: boolean
  authorized: boolean
  /** The code of the error that ended it, or what that says. */
  refused: string | undefined
}

/** Reads a client socket to its end, whether that is good or bad. */
export async function outcome(socket: tls.TLSSocket): Promise<Outcome> {
  try {
    return { ...(await finish(socket)), refused: undefined }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { resumed: false, authorized: false, refused: code ?? message }
  }
}

/** A session that the server made for plain Node with the options. */
export async function sessionOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const socket = tls.connect(options)
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
  return session as Buffer
}
