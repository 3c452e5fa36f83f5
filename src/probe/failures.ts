/** The step that a connection had reached. */
export type Stage = 'resolving' | 'connecting' | 'starttls' | 'handshake' | 'afterwards'

/** A failed connection. The message is a sentence without the name of the peer and without a full stop. */
export class Failure extends Error {
  override readonly name = 'Failure'

  constructor(
    sentence: string,
    readonly stage: Stage,
    /** A code of Node.js, of OpenSSL or of the probe. */
    readonly code: string,
    /** True if the other version of TLS would fail as well. */
    readonly isFinal: boolean = stage !== 'handshake' && stage !== 'afterwards',
  ) {
    // The sentence may contain text of the peer, and control characters could manipulate a terminal.
    // @guard probe › probe-failures › probe: control characters from a peer do not reach the terminal
    //   ⇒ without `.replace(/[^\x20-\x7e]/g, '?')`
    super(sentence.replace(/[^\x20-\x7e]/g, '?'))
  }
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no host has this name',
  EAI_AGAIN: 'the name cannot be resolved now: no name server answers',
  ECONNREFUSED: 'nothing listens there: the connection was refused',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network of the host is unreachable',
  EADDRNOTAVAIL: 'this machine has no local address for a connection to the host',
  EACCES: 'this machine does not permit the connection',
  EPERM: 'this machine does not permit the connection',
  ECONNRESET: 'it resets connections as soon as they are established',
  ETIMEDOUT: 'the host does not answer',
}

const CLOSED = 'it closed the connection during the handshake without an alert'
const CLOSED_AFTERWARDS = 'it closed the connection right after the handshake without an alert'
const NOT_TLS = 'it answers, but not in TLS; if the protocol negotiates TLS, name it by --starttls'
/** Sentences by the name of the alert (RFC 8446 section 6). Other alerts are reported with OpenSSL's name. */
const SENTENCE_BY_ALERT: Readonly<Record<string, string>> = {
  CERTIFICATE_REQUIRED: 'it requires a client certificate; pass one by --cert and --key',
  UNKNOWN_CA: 'it does not trust the client certificate of --cert',
  BAD_CERTIFICATE: 'it rejects the client certificate or requires one; pass one by --cert and --key',
  CERTIFICATE_EXPIRED: 'the client certificate of --cert has expired',
  PROTOCOL_VERSION: 'it does not support this version of TLS',
  HANDSHAKE_FAILURE:
    'it rejects the handshake: no common parameters, or a client certificate is required; pass one by --cert and --key',
  UNRECOGNIZED_NAME: 'it does not know the server name; pass another one by --servername',
  NO_APPLICATION_PROTOCOL: 'it supports none of the offered protocols; pass others by --alpn',
}

/**
 * Returns the name of the received alert, such as `HANDSHAKE_FAILURE`, if the code stands for one. Node derives the code
 * from OpenSSL's text, which changed in OpenSSL 3.5 from `SSLV3_ALERT_…` to `SSL/TLS_ALERT_…`.
 */
export function alertOf(code: string): string | undefined {
  const name = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_(?:ALERT_)?([A-Z_]+)$/.exec(code)?.[1]
  return name === 'UNRECOGNIZED_NAME' || code.includes('_ALERT_') ? name : undefined
}

/** Codes of certificate errors, such as `UNABLE_TO_VERIFY_LEAF_SIGNATURE`. Codes of system errors have no underscore. */
const UNTRUSTED = /^(?!ERR_)[A-Z]+(?:_[A-Z]+)+$/

/** Turns an error of Node.js into a sentence about the peer. */
export function explain(error: unknown, stage: Stage): Failure {
  if (error instanceof Failure) return error
  const { code = 'UNKNOWN', message, reason } = error as NodeJS.ErrnoException & { reason?: string }
  if (stage === 'resolving' || stage === 'connecting') {
    return new Failure(UNREACHABLE[code] ?? `it cannot be reached (${code})`, stage, code)
  }
  if (stage === 'starttls') {
    return new Failure('it closed the connection before TLS began', stage, code)
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const detail = reason ?? message
    return new Failure(
      `its certificate is for another name (${detail}); pass the expected name by --servername`,
      'handshake',
      code,
      true,
    )
  }
  if (UNTRUSTED.test(code)) {
    return new Failure(
      `its certificate is not trusted, ${message} (${code}); pass the authority by --ca, or skip the verification by --insecure`,
      'handshake',
      code,
      true,
    )
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return new Failure(NOT_TLS, stage, code)
  }
  // This end raises the error if the server chose an older version.
  const alert = code === 'ERR_SSL_UNSUPPORTED_PROTOCOL' ? 'PROTOCOL_VERSION' : alertOf(code)
  const sentence = alert && SENTENCE_BY_ALERT[alert]
  if (sentence) return new Failure(sentence, stage, code)
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new Failure(stage === 'handshake' ? CLOSED : CLOSED_AFTERWARDS, stage, code)
  }
  return new Failure(`the handshake failed: ${reason ?? message} (${code})`, stage, code)
}

/** Returns the failure of a connection whose time limit passed. */
export function timedOut(stage: Stage, timeout: number): Failure {
  const seconds = `within ${timeout / 1000} s`
  const sentences: Readonly<Record<Stage, string>> = {
    resolving: `its name was not resolved ${seconds}`,
    connecting: `it does not answer ${seconds}: the host is down, or a firewall drops the packets`,
    starttls: `it accepted the connection but did not start TLS ${seconds}`,
    handshake: `it accepted the connection but did not finish the handshake ${seconds}; maybe the port does not use TLS`,
    afterwards: `it stopped answering ${seconds}`,
  }
  return new Failure(sentences[stage], stage, 'TIMEOUT')
}
