/** Many at once, and other threads. */
import { once } from 'node:events'
import { mock } from 'node:test'
import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import { describeError } from '../recorder.mjs'
import { closed, sleep } from '../world.mjs'

export const crowds = [
  {
    name: 'eight at once',
    run: async t => {
      const sockets = Array.from({ length: 8 }, () => tls.connect(t.options()))
      await Promise.all(sockets.map((socket, index) => t.talk(socket, { label: `client ${index}` })))
    },
  },
  {
    name: 'eight at once, aborted while they wait',
    run: async t => {
      t.ignoreClients()
      const controllers = Array.from({ length: 8 }, () => new AbortController())
      const ends = controllers.map(({ signal }) => {
        const socket = tls.connect(t.options({ signal }))
        socket.on('error', error => t.note(describeError(error), 'errors'))
        return closed(socket)
      })
      setTimeout(() => {
        for (const controller of controllers) controller.abort()
      }, 1)
      await Promise.race([Promise.all(ends), sleep(500)])
    },
  },
  {
    name: 'eight at once to a server that refuses the client',
    server: t => t.echo({ requestCert: true, ca: t.pki.root }),
    run: async t => {
      const sockets = Array.from({ length: 8 }, () => tls.connect(t.options()))
      await Promise.all(
        sockets.map(async socket => {
          socket.on('error', error => t.note(`${error.code}`, 'errors')).resume()
          await closed(socket)
        }),
      )
    },
  },
  {
    name: 'eight at once to a server with slow handshakes',
    server: t => t.echo(slowly(t, 400)),
    run: async t => {
      const sockets = Array.from({ length: 8 }, () => tls.connect(t.options()))
      await Promise.all(sockets.map((socket, index) => t.talk(socket, { label: `client ${index}` })))
    },
  },
  {
    name: 'eight at once with a connect timeout above one slow handshake',
    server: t => t.echo(slowly(t, 400)),
    run: async t => {
      const ends = Array.from({ length: 8 }, async () => {
        const socket = tls.connect(t.options())
        const timer = setTimeout(() => socket.destroy(new Error('connect timeout')), 1500)
        socket.on('error', error => t.note(describeError(error), 'errors'))
        socket.on('secureConnect', () => {
          clearTimeout(timer)
          socket.end()
        })
        socket.resume()
        await closed(socket)
      })
      await Promise.all(ends)
    },
  },
  {
    name: 'two in a race, the slower is destroyed',
    run: async t => {
      t.ignoreClients()
      const sockets = [tls.connect(t.options()), tls.connect(t.options())]
      for (const socket of sockets)
        socket.on('error', error => t.note(describeError(error), 'errors')).resume()
      const winner = await Promise.race(
        sockets.map(async socket => {
          await once(socket, 'secureConnect')
          return socket
        }),
      )
      for (const socket of sockets) if (socket !== winner) socket.destroy()
      winner.end()
      await Promise.all(sockets.map(closed))
      t.note(`authorized ${winner.authorized}`)
    },
  },
  {
    name: 'forty peers at once',
    server: async t => {
      t.kept.ports = []
      for (let i = 0; i < 40; i++) t.kept.ports.push((await t.echo()).address().port)
    },
    run: async t => {
      t.ignoreClients()
      const ends = t.kept.ports.map(async port => {
        const socket = tls.connect(t.options({ port }))
        socket.on('error', error => t.note(describeError(error), 'errors'))
        socket.on('secureConnect', () => socket.end()).resume()
        await closed(socket)
        t.note('closed', 'ends')
      })
      await Promise.all(ends)
    },
  },
  {
    name: 'four at once under fake timers',
    run: async t => {
      t.ignoreClients()
      mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] })
      try {
        const sockets = Array.from({ length: 4 }, () => tls.connect(t.options()))
        await Promise.all(
          sockets.map(async socket => {
            socket.on('error', error => t.note(describeError(error), 'errors'))
            socket.on('secureConnect', () => socket.end()).resume()
            await closed(socket)
          }),
        )
      } finally {
        mock.timers.reset()
      }
    },
  },
  {
    name: 'a worker thread that is terminated while it connects',
    run: async t => {
      t.ignoreClients()
      const worker = new Worker(
        `const tls = require('node:tls'), { workerData, parentPort } = require('node:worker_threads')
         const socket = tls.connect(workerData)
         socket.on('error', () => {}).on('connect', () => { parentPort.postMessage('connected'); while (true); })`,
        { eval: true, workerData: t.options() },
      )
      await once(worker, 'message')
      const talk = t.talk(tls.connect(t.options()))
      await worker.terminate()
      await talk
    },
  },
  {
    name: 'a worker thread that exits while its connections wait',
    run: async t => {
      t.ignoreClients()
      const worker = new Worker(
        `const tls = require('node:tls'), { workerData } = require('node:worker_threads')
         for (let i = 0; i < 6; i++) tls.connect(workerData).on('error', () => {}).on('connect', () => process.exit(7))`,
        { eval: true, workerData: t.options() },
      )
      const [code] = await once(worker, 'exit')
      t.note(`exit ${code}`, 'worker')
      await t.talk(tls.connect(t.options()))
    },
  },
  {
    name: 'in a worker thread',
    run: async t => {
      const worker = new Worker(
        `const tls = require('node:tls'), { workerData, parentPort } = require('node:worker_threads')
         const socket = tls.connect(workerData, () => socket.write('word'))
         const said = []
         for (const event of ['connect', 'secureConnect', 'data', 'end', 'close', 'error']) socket.on(event, () => said.push(event))
         socket.on('data', () => socket.end()).on('close', () => parentPort.postMessage(said.join()))`,
        { eval: true, workerData: t.options() },
      )
      worker.on('error', error => t.note(describeError(error), 'worker'))
      worker.on('message', text => t.note(text, 'worker'))
      await once(worker, 'exit')
    },
  },
]

/** Returns options of a server that makes each full handshake wait. */
function slowly(t, ms) {
  const context = tls.createSecureContext(t.serverOptions({}))
  return { SNICallback: (_name, callback) => setTimeout(callback, ms, null, context) }
}
