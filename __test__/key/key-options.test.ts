import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import test from 'ava'
import { parseSync, Visitor } from 'oxc-parser'
import { CONTEXT_OPTIONS } from '../../dist/key/context-digest.js'
import { IGNORED_OPTIONS, KEYED_OPTIONS, UNCACHEABLE_OPTIONS } from '../../dist/key/options.js'

const listed = new Set<string>([
  ...CONTEXT_OPTIONS,
  ...KEYED_OPTIONS,
  ...Object.keys(UNCACHEABLE_OPTIONS),
  ...Object.keys(IGNORED_OPTIONS),
])

/** Options that the type declarations have for servers only. `tls.connect` does not read them. */
const SERVER_ONLY = new Set(['ALPNCallback'])

/** The property names of the interfaces, of which a file declares some. */
function propertiesOf(file: string, interfaces: readonly string[]): string[] {
  const types = join(createRequire(import.meta.url).resolve('@types/node/package.json'), '..', file)
  const names: string[] = []
  const { program } = parseSync(types, readFileSync(types, 'utf8'))
  new Visitor({
    TSInterfaceDeclaration({ id, body }) {
      if (!interfaces.includes(id.name)) return
      for (const member of body.body) {
        if (member.type === 'TSPropertySignature' && member.key.type === 'Identifier')
          names.push(member.key.name)
      }
    },
  }).visit(program)
  return names
}

test('every option that the type declarations of tls.connect and createSecureContext know is accounted for', t => {
  const documented = [
    ...propertiesOf('tls.d.ts', ['ConnectionOptions', 'CommonConnectionOptions', 'SecureContextOptions']),
    ...propertiesOf('net.d.ts', [
      'ConnectOpts',
      'SocketConstructorOpts',
      'TcpSocketConnectOpts',
      'TcpNetConnectOpts',
      'IpcSocketConnectOpts',
    ]),
  ]
  t.true(documented.length > 40, 'the interfaces were found')
  t.deepEqual(
    documented.filter(option => !listed.has(option) && !SERVER_ONLY.has(option)),
    [],
  )
})

test('every option that this Node reads to make a secure context is part of its digest', t => {
  // The declarations lag behind releases; the source of the running Node does not.
  const { binding } = process as unknown as { binding(name: 'natives'): Record<string, string> }
  const sources = binding.call(process, 'natives')
  const read: string[] = []
  const { program } = parseSync('secure-context.js', sources['internal/tls/secure-context'] ?? '')
  new Visitor({
    FunctionDeclaration({ id, body }) {
      if (id?.name !== 'configSecureContext') return
      for (const statement of body?.body ?? []) {
        if (statement.type !== 'VariableDeclaration') continue
        for (const { id, init } of statement.declarations) {
          if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier' || init.name !== 'options') continue
          for (const property of id.properties) {
            if (property.type === 'Property' && property.key.type === 'Identifier')
              read.push(property.key.name)
          }
        }
      }
    },
  }).visit(program)
  t.true(read.includes('ca') && read.includes('ciphers'), 'the function was found')
  t.deepEqual(
    read.filter(option => !(CONTEXT_OPTIONS as readonly string[]).includes(option)),
    [],
  )
})

test('each list gives a reason for every option it leaves out of the key', t => {
  for (const [option, reason] of Object.entries({ ...IGNORED_OPTIONS, ...UNCACHEABLE_OPTIONS })) {
    t.true(reason.length > 10, option)
  }
})
