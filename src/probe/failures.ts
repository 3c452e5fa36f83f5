/** How far a connection had come. */
export type Stage = 'resolving' | 'connecting' | 'starttls' | 'handshake' | 'afterwards'

/** A connection that came to nothing: its message is a sentence, without the peer's name and a full stop. */
export class Failure extends Error {
  override readonly name = 'Failure'

  constructor(
    sentence: string,
    readonly stage: Stage,
    /** Of Node, of OpenSSL, or of the probe. */
    readonly code: string,
    /** The other version of TLS would fare no better. */
    readonly isFinal: boolean = stage !== 'handshake' && stage !== 'afterwards',
  ) {
    // It may hold what the peer said, and a terminal obeys some characters.
    // @guard probe › probe-failures › what a peer says cannot give orders to the terminal
    //   ⇒ without `.replace(/[^\x20-\x7e]/g, '?')`
    super(sentence.replace(/[^\x20-\x7e]/g, '?'))
  }
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'the name cannot be looked up now: no name server answers',
  ECONNREFUSED: 'nothing listens there: the connection was refused',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network of the host',
  EADDRNOTAVAIL: 'this machine has no address from which that one can be reached',
  EACCES: 'this machine does not permit the connection',
  EPERM: 'this machine does not permit the connection',
  ECONNRESET: 'it breaks connections off as soon as they are made',
  ETIMEDOUT: 'the host does not answer',
}

const CLOSED = 'it closed the connection within the handshake, and did not say why'
const CLOSED_AFTERWARDS = 'it broke the connection off right after the handshake, and did not say why'
const NOT_TLS = 'it answers, but not in TLS; where TLS begins later in the protocol, --starttls says so'
/** By the names of alerts (RFC 8446 section 6); others are told as OpenSSL names them. */
const REFUSED_BY_ALERT: Readonly<Record<string, string>> = {
  CERTIFICATE_REQUIRED: 'it demands a client certificate; --cert and --key give one',
  UNKNOWN_CA: 'it does not trust the client certificate that --cert gives',
  BAD_CERTIFICATE: 'it refuses the client certificate, or that there is none; --cert and --key give one',
  CERTIFICATE_EXPIRED: 'the client certificate that --cert gives has expired',
  PROTOCOL_VERSION: 'it does not speak this version of TLS',
  HANDSHAKE_FAILURE:
    'it refuses the handshake: it finds no common ground, or demands a client certificate; --cert and --key give one',
  UNRECOGNIZED_NAME: 'it does not know the server name; --servername tells another one',
  NO_APPLICATION_PROTOCOL: 'it speaks none of the protocols offered; --alpn tells others',
}

/**
 * The alert that OpenSSL was sent, as `HANDSHAKE_FAILURE`, if the code is of one. Node takes the code from what OpenSSL says
 * of it, and that has become another with OpenSSL 3.5: `SSLV3_ALERT_…`, `SSL/TLS_ALERT_…`.
 */
export function alertOf(code: string): string | undefined {
  const name = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_(?:ALERT_)?([A-Z_]+)$/.exec(code)?.[1]
  return name === 'UNRECOGNIZED_NAME' || code.includes('_ALERT_') ? name : undefined
}

/** A verdict on a certificate, as `UNABLE_TO_VERIFY_LEAF_SIGNATURE`; what the system says has no underscores. */
const UNTRUSTED = /^(?!ERR_)[A-Z]+(?:_[A-Z]+)+$/

/** Says in a sentence what an error of Node's means for the peer. */
export function explain(error: unknown, stage: Stage): Failure {
  if (error instanceof Failure) return error
  const { code = 'UNKNOWN', message, reason } = error as NodeJS.ErrnoException & { reason?: string }
  if (stage === 'resolving' || stage === 'connecting') {
    return new Failure(UNREACHABLE[code] ?? `it cannot be reached (${code})`, stage, code)
  }
  if (stage === 'starttls') {
    return new Failure('it broke the connection off before TLS began', stage, code)
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const told = reason ?? message
    return new Failure(
      `its certificate is for another name (${told}); --servername tells the one to expect`,
      'handshake',
      code,
      true,
    )
  }
  if (UNTRUSTED.test(code)) {
    return new Failure(
      `its certificate is not trusted, ${message} (${code}); --ca tells whom to trust, --insecure trusts anybody`,
      'handshake',
      code,
      true,
    )
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return new Failure(NOT_TLS, stage, code)
  }
  // Said by this end, of a server that chose an older version.
  const alert = code === 'ERR_SSL_UNSUPPORTED_PROTOCOL' ? 'PROTOCOL_VERSION' : alertOf(code)
  const refusal = alert && REFUSED_BY_ALERT[alert]
  if (refusal) return new Failure(refusal, stage, code)
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return new Failure(stage === 'handshake' ? CLOSED : CLOSED_AFTERWARDS, stage, code)
  }
  return new Failure(`the handshake failed: ${reason ?? message} (${code})`, stage, code)
}

/** For a connection that took too long. */
export function tooLate(stage: Stage, timeout: number): Failure {
  const seconds = `within ${timeout / 1000} s`
  const sentences: Readonly<Record<Stage, string>> = {
    resolving: `its name was not looked up ${seconds}`,
    connecting: `it does not answer ${seconds}: the host is down, or something in between drops what is sent`,
    starttls: `it took the connection and did not agree on TLS ${seconds}`,
    handshake: `it took the connection and did not finish the handshake ${seconds}, as ports do that are not of TLS`,
    afterwards: `it fell silent ${seconds}`,
  }
  return new Failure(sentences[stage], stage, 'TIMEOUT')
}
