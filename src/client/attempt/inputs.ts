import type { RecorderInputs } from '../session-recorder.js'

/** What a connection needs to resume and to store its sessions. */
export interface AttemptInputs extends RecorderInputs {
  /** True if it may wait for the session of another connection. */
  readonly coalesce: boolean
  /** True if it runs over a stream of the caller, whose time to connect is not known. */
  readonly isOverStream: boolean
}

/** The inputs of a connection over a socket that is yet to connect: its endpoint is not known before. */
export interface LateInputs {
  /** Returns the inputs once the socket is connected. Undefined, and recorded, for a connection that does not resume. */
  find(): AttemptInputs | undefined
  /** Returns the peer label of the options. */
  label(): string
}
