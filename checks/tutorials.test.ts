/** The tutorials, step by step, as a reader would follow them: their programs print what the pages say. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
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
function blocksOf(page: string, language: string): string[] {
  const text = readFileSync(join(root, 'docs', 'tutorials', page), 'utf8')
  const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
  return blocks.flatMap(([, found, code = '']) => (found === language ? code : []))
}

/** Creates a project that has the package installed. */
function createProject(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-tutorial-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'node_modules'))
  symlinkSync(root, join(directory, 'node_modules', 'tls-resumption'), 'junction')
  return directory
}

async function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = net.connect(port, 'localhost', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

test('tutorials: their programs resume as the pages say', async t => {
  const directory = createProject(t)
  const [, certificate = ''] = blocksOf('first-resumption.md', 'sh')
  await run('sh', ['-c', certificate], { cwd: directory })
  const [server = '', app = '', reasons = ''] = blocksOf('first-resumption.md', 'js')
  const [worker = '', main = ''] = blocksOf('share-between-workers.md', 'js')
  for (const [name, code] of Object.entries({ server, app, reasons, worker, main })) {
    writeFileSync(join(directory, `${name}.mjs`), code)
  }
  const child: ChildProcess = spawn(process.execPath, ['server.mjs'], { cwd: directory, stdio: 'inherit' })
  t.teardown(() => child.kill())
  while (!(await isListening(8443))) await delay(50)

  const output = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, args, { cwd: directory })
    return stdout.trim().split('\n')
  }
  const flag = ['--import', 'tls-resumption/auto']
  const full = [1, 2, 3].map(n => `connection ${n}: full handshake`)
  t.deepEqual(await output('app.mjs'), full)
  const [resumed = ''] = blocksOf('first-resumption.md', '')
  t.deepEqual(await output(...flag, 'app.mjs'), resumed.trim().split('\n'))
  const [first, , second] = await output(...flag, '--import', './reasons.mjs', 'app.mjs')
  t.deepEqual([first, second], ['tcp:localhost:8443 no-session', 'tcp:localhost:8443 resumed'])
  const [shared = ''] = blocksOf('share-between-workers.md', '')
  t.deepEqual(await output('main.mjs'), shared.trim().split('\n'))
})
