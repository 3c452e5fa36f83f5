import type { ConnectionOptions } from 'node:tls'
import {
  type Algorithm,
  type Authority,
  createAuthority,
  type Identity,
} from '../../fixtures/certificates.ts'
import type { Kind } from '../client/kinds.ts'

type Identities = Record<Algorithm, { authority: Authority; server: Identity; client: Identity }>

/** An authority of each algorithm, with a server and a client. */
export class Pki {
  readonly #of: Identities

  private constructor(of: Identities) {
    this.#of = of
  }

  static async create(): Promise<Pki> {
    const of = async (algorithm: Algorithm) => {
      const authority = await createAuthority({ algorithm })
      return {
        authority,
        server: await authority.issue({ usage: 'server', commonName: 'localhost' }),
        client: await authority.issue({ usage: 'client', commonName: 'client' }),
      }
    }
    return new Pki({ rsa: await of('rsa'), ecdsa: await of('ecdsa') })
  }

  ca({ algorithm }: Kind): string {
    return this.#of[algorithm].authority.cert
  }

  server({ algorithm }: Kind): Identity {
    return this.#of[algorithm].server
  }

  /** The options as a driver gets them. */
  options(kind: Kind, port: number): ConnectionOptions {
    const { cert, key } = this.#of[kind.algorithm].client
    return {
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: this.ca(kind),
      ...(kind.clientCertificate ? { cert, key } : {}),
    }
  }
}
