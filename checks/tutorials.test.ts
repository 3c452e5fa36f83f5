/** The tutorials and measure.md, step by step, as a reader would follow them: their programs print what the pages say. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)

/** Returns the code blocks of a page in this language. */
function blocksOf(page: string, language: string, folder = 'tutorials'): string[] {
  const text = readFileSync(join(root, 'docs', folder, page), 'utf8')
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
  return blocks.flatMap(([, found, code = '']) => (found === language ? code : []))
}

/** Creates a project that has the package installed. */
function createProject(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-tutorial-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'node_modules'))
  symlinkSync(root, join(directory, 'node_modules', 'tls-resumption'), 'junction')
  for (const name of ['prom-client', '@opentelemetry'])
    symlinkSync(join(root, 'node_modules', name), join(directory, 'node_modules', name), 'junction')
  return directory
}

async function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect(port, 'localhost', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

/** Starts the server of the first tutorial. */
async function startServer(t: ExecutionContext, directory: string): Promise<void> {
  const [, certificate = ''] = blocksOf('first-resumption.md', 'sh')
  await run('sh', ['-c', certificate], { cwd: directory })
  const [server = ''] = blocksOf('first-resumption.md', 'js')
  writeFileSync(join(directory, 'server.mjs'), server)
  const child: ChildProcess = spawn(process.execPath, ['server.mjs'], { cwd: directory, stdio: 'inherit' })
  t.teardown(async () => {
    const exited = once(child, 'exit')
    child.kill()
    await exited
  })
  while (!(await isListening(8443))) await delay(50)
}

const FLAG = ['--import', 'tls-resumption/auto']

test.serial('tutorials: their programs resume as the pages say', async t => {
  const directory = createProject(t)
  await startServer(t, directory)
  const [, app = '', reasons = ''] = blocksOf('first-resumption.md', 'js')
  const [worker = '', main = ''] = blocksOf('share-between-workers.md', 'js')
  for (const [name, code] of Object.entries({ app, reasons, worker, main })) {
    writeFileSync(join(directory, `${name}.mjs`), code)
  }
  const output = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, args, { cwd: directory })
    return stdout.trim().split('\n')
  }
  const full = [1, 2, 3].map(n => `connection ${n}: full handshake`)
  t.deepEqual(await output('app.mjs'), full)
  const [resumed = ''] = blocksOf('first-resumption.md', '')
  t.deepEqual(await output(...FLAG, 'app.mjs'), resumed.trim().split('\n'))
  const [first, , second] = await output(...FLAG, '--import', './reasons.mjs', 'app.mjs')
  t.deepEqual([first, second], ['tcp:localhost:8443 no-session', 'tcp:localhost:8443 resumed'])
  const [shared = ''] = blocksOf('share-between-workers.md', '')
  t.deepEqual(await output('main.mjs'), shared.trim().split('\n'))
})

test.serial('measure.md: its programs print what the page says', async t => {
  const directory = createProject(t)
  await startServer(t, directory)
  const [, app = ''] = blocksOf('first-resumption.md', 'js')
  const [prometheus = '', telemetry = ''] = blocksOf('measure.md', 'js', 'how-to')
  // Port 9464 may be taken.
  const ask = `console.log(await (await fetch('http://localhost:' + process.env.METRICS)).text())`
  const programs = {
    app,
    'app-and-ask': `${app}\n${ask}`,
    metrics: prometheus.replace(
      'server.listen(9464,',
      `server.on('listening', () => {
      process.env.METRICS = String(server.address().port)
    }).listen(0,`,
    ),
    telemetry,
  }
  for (const [name, code] of Object.entries(programs)) writeFileSync(join(directory, `${name}.mjs`), code)
  const output = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, [...FLAG, '--import', ...args], { cwd: directory })
    return stdout.split('\n')
  }
  const [metrics = '', exported = ''] = blocksOf('measure.md', '', 'how-to')
  const grep = (await output('./metrics.mjs', 'app-and-ask.mjs')).filter(
    line => /^tls_resumption_client.*} [1-9]/.test(line) && !line.includes('bucket'),
  )
  t.deepEqual(grep, metrics.trimEnd().split('\n'))
  // The page leaves lines out. Those that it shows come in this order.
  let rest = await output('./telemetry.mjs', 'app.mjs')
  for (const line of exported.trimEnd().split('\n')) {
    if (line === '…') continue
    t.true(rest.includes(line), line)
    rest = rest.slice(rest.indexOf(line) + 1)
  }
})
