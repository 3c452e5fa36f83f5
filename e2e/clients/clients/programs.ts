/** Clients that are programs of this repository, in the languages of the libraries under test. */
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { peerProgram } from '../../../__test__/support/strict-peer.ts'
import type { Client, Seen, Target } from '../client.ts'
import { jsonLines, runWith } from '../run.ts'

const sourceOf = (name: string) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url))
const built = fileURLToPath(new URL('../../../target/interop/', import.meta.url))

const argsOf = ({ port, ca, kind, visits }: Target) => [`${port}`, ca, kind.protocol, `${visits}`]

export const go: Client = {
  title: 'Go `crypto/tls`',
  programs: { go: ['golang-go'] },
  version: async () => (await runWith(['go', 'version'])).match(/go(\d\S*)/)?.[1] ?? '',
  never: ({ mechanism }) => (mechanism === 'ids' ? 'its client resumes by tickets alone' : undefined),
  async visit(target) {
    goProgram ??= build('go', program => ['go', 'build', '-o', program, sourceOf('client.go')])
    return jsonLines<Seen>(await runWith([await goProgram, ...argsOf(target)]))
  },
}
let goProgram: Promise<string> | undefined

export const python: Client = {
  title: 'Python `ssl`',
  programs: { python3: ['python3'] },
  version: async () =>
    (
      await runWith([
        'python3',
        '-c',
        'import platform, ssl; print(platform.python_version() + ", " + "/".join(ssl.OPENSSL_VERSION.split()[:2]))',
      ])
    ).trim(),
  async visit(target) {
    return jsonLines<Seen>(await runWith(['python3', sourceOf('client.py'), ...argsOf(target)]))
  },
}

export const java: Client = {
  title: 'Java `SSLSocket`',
  programs: { java: ['openjdk-17-jre-headless'], javac: ['openjdk-17-jdk-headless'] },
  version: async () => (await runWith(['java', '--version'])).split(/\s+/)[1] ?? '',
  async visit(target) {
    javaClasses ??= build('java', directory => ['javac', '-d', directory, sourceOf('Client.java')])
    return jsonLines<Seen>(await runWith(['java', '-cp', await javaClasses, 'Client', ...argsOf(target)]))
  },
}
let javaClasses: Promise<string> | undefined

/** The client of `crates/test-peer`. */
export const rustls: Client = {
  title: 'rustls',
  programs: { cargo: [] },
  version: async () => {
    const tree = await runWith([
      'cargo',
      'tree',
      '--locked',
      '--offline',
      '-p',
      'tls-resumption-peer',
      '-i',
      'rustls',
    ])
    return tree.match(/rustls v(\S+)/)?.[1] ?? ''
  },
  async visit({ port, ca, kind, visits }) {
    const program = await peerProgram()
    const command = [
      program,
      'connect',
      '--http',
      '--address',
      `127.0.0.1:${port}`,
      '--ca',
      ca,
      '--count',
      `${visits}`,
    ]
    command.push('--version', kind.protocol === 'TLSv1.2' ? '1.2' : '1.3', '--alpn', 'http/1.1')
    return jsonLines<{ kind: string; alpn: string; chain: string[] }>(await runWith(command)).map(
      ({ kind: how, alpn, chain }) => ({ resumed: how === 'Resumed', alpn, chain: chain.map(digestOfHex) }),
    )
  },
}

function digestOfHex(certificate: string): string {
  return createHash('sha256').update(certificate, 'hex').digest('hex')
}

/** Compiles a program once per run. The command gets its path. */
async function build(name: string, command: (path: string) => string[]): Promise<string> {
  mkdirSync(built, { recursive: true })
  await runWith(command(join(built, name)))
  return join(built, name)
}
