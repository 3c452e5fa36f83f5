import { once } from 'node:events'
import tls from 'node:tls'
import { finish } from './server.ts'

/** The end of a client connection. */
export interface Outcome {
  resumed: boolean
  authorized: boolean
  /** The code of the error that ended the connection, or its message. */
  refused: string | undefined
}

/** Reads a client socket to its end. Never rejects. */
export async function outcome(socket: tls.TLSSocket): Promise<Outcome> {
  try {
    return { ...(await finish(socket)), refused: undefined }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { resumed: false, authorized: false, refused: code ?? message }
  }
}

/** Connects with plain Node and returns the session that the server issued. */
export async function sessionOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const socket = tls.connect(options)
  const [[session]] = await Promise.all([once(socket, 'session'), finish(socket)])
  return session as Buffer
}
