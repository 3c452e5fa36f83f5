/** Where a connection goes. */
import { join } from 'node:path'
import tls from 'node:tls'
import { describeError } from '../recorder.mjs'
import { closedPort } from '../world.mjs'

export const endpoints = [
  { name: 'IPv4 address', run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1' }))) },
  {
    name: 'IPv6 address',
    run: t => t.talk(tls.connect(t.options({ host: '::1' }))),
  },
  { name: 'host in capitals', run: t => t.talk(tls.connect(t.options({ host: 'LOCALHOST' }))) },
  {
    name: 'host with a final dot',
    run: t => t.talk(tls.connect(t.options({ host: 'localhost.', lookup: toLoopback }))),
  },
  { name: 'family 4', run: t => t.talk(tls.connect(t.options({ family: 4 }))) },
  {
    name: 'localAddress',
    run: t => t.talk(tls.connect(t.options({ host: '127.0.0.1', localAddress: '127.0.0.1' }))),
  },
  {
    name: 'path of a unix socket',
    server: t => t.echo({}, join(t.directory, `unix-${t.version}`)),
    run: t => t.talk(tls.connect({ path: t.port ?? join(t.directory, `unix-${t.version}`), ca: t.pki.root })),
  },
  {
    name: 'path of a unix socket with servername',
    server: t => t.echo({}, join(t.directory, `named-${t.version}`)),
    run: t =>
      t.talk(
        tls.connect({
          path: join(t.directory, `named-${t.version}`),
          ca: t.pki.root,
          servername: 'localhost',
        }),
      ),
  },
  {
    name: 'lookup of the caller',
    run: t =>
      t.talk(tls.connect(t.options({ host: 'some.example', servername: 'localhost', lookup: toLoopback }))),
  },
  {
    name: 'lookup that fails',
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            host: 'none.example',
            lookup: (_host, _options, callback) =>
              process.nextTick(callback, Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
          }),
        ),
      ),
  },
  {
    name: 'lookup that throws',
    run: async t => {
      const lookup = () => {
        throw new Error('from lookup')
      }
      try {
        await t.talk(tls.connect(t.options({ host: 'none.example', lookup })))
      } catch (error) {
        t.note(`throws ${describeError(error)}`)
      }
    },
  },
  {
    name: 'Happy Eyeballs: the first address refuses',
    server: t => t.echo({}, 0, '127.0.0.1'),
    run: t =>
      t.talk(
        tls.connect(
          t.options({
            host: 'two.example',
            servername: 'localhost',
            autoSelectFamily: true,
            lookup: (_host, _options, callback) =>
              process.nextTick(callback, null, [
                { address: '::1', family: 6 },
                { address: '127.0.0.1', family: 4 },
              ]),
          }),
        ),
      ),
  },
  {
    name: 'Happy Eyeballs: every address refuses',
    run: async t =>
      t.talk(
        tls.connect(
          t.options({
            port: await closedPort(),
            host: 'two.example',
            autoSelectFamily: true,
            lookup: (_host, _options, callback) =>
              process.nextTick(callback, null, [
                { address: '::1', family: 6 },
                { address: '127.0.0.1', family: 4 },
              ]),
          }),
        ),
      ),
  },
  { name: 'autoSelectFamily false', run: t => t.talk(tls.connect(t.options({ autoSelectFamily: false }))) },
  {
    name: 'connection refused',
    run: async t => t.talk(tls.connect(t.options({ port: await closedPort(), host: '127.0.0.1' }))),
  },
]

function toLoopback(_host, { all }, callback) {
  const address = { address: '127.0.0.1', family: 4 }
  process.nextTick(callback, null, ...(all ? [[address]] : [address.address, address.family]))
}
