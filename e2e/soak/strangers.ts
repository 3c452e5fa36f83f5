/** Clients of other libraries, which connect several times in a row and decide themselves what to offer. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { peerProgram } from '../../__test__/support/strict-peer.ts'
import { jsonLines, runWith } from '../clients/run.ts'

export interface Handshakes {
  full: number
  resumed: number
}

/** By name. Each rejects if a connection fails or takes a minute. */
export interface Strangers {
  visits: Record<string, (port: number, version: '1.2' | '1.3') => Promise<Handshakes>>
  end(): Promise<void>
}

export async function makeStrangers(authority: string): Promise<Strangers> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-soak-'))
  const ca = join(directory, 'ca.pem')
  const session = join(directory, 'session.pem')
  await writeFile(ca, authority)
  return {
    end: () => rm(directory, { recursive: true, force: true }),
    visits: {
      async rustls(port, version) {
        const command = [await peerProgram(), 'connect', '--address', `127.0.0.1:${port}`, '--ca', ca]
        const said = jsonLines<{ kind: string }>(
          await runWith([...command, '--version', version, '--count', '4']),
        )
        return countOf(said.map(({ kind }) => kind === 'Resumed'))
      },
      async openssl(port, version) {
        const command = ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-servername', 'localhost']
        command.push('-CAfile', ca, '-verify_return_error', '-ign_eof', `-tls${version.replace('.', '_')}`)
        await rm(session, { force: true })
        const first = await greeted([...command, '-sess_out', session])
        const again = await greeted([...command, '-sess_in', session])
        return countOf([first, again].map(said => /^Reused, /m.test(said)))
      },
    },
  }
}

/** Node does not always send close_notify, and s_client fails then, after everything is done. */
async function greeted(command: readonly string[]): Promise<string> {
  try {
    return await runWith(command)
  } catch (error) {
    const said = String(error)
    if (/^(New|Reused), TLS/m.test(said) && said.includes('Verify return code: 0 (ok)')) return said
    throw error
  }
}

function countOf(resumed: readonly boolean[]): Handshakes {
  const again = resumed.filter(Boolean).length
  return { full: resumed.length - again, resumed: again }
}
