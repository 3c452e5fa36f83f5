/** nginx with a session cache that its workers share, and with ticket keys of its own. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Kind } from './kinds.ts'
import type { Servers } from './process.ts'
import type { Listen } from './server.ts'

/** Returns `nginx/1.22.1`, or undefined if it is not installed. */
export function nginxVersion(): string | undefined {
  try {
    return /nginx\/\S+/.exec(execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' }))?.[0]
  } catch {
    return undefined
  }
}

export async function startNginx(listen: Listen[], workers: number): Promise<Servers> {
  const directory = await mkdtemp(join(tmpdir(), 'tls-resumption-nginx-'))
  const ports = await Promise.all(listen.map(freePort))
  const servers = await Promise.all(
    listen.map(async ({ kind, ca, identity }, index) => {
      const file = async (name: string, text: string) => {
        await writeFile(join(directory, `${index}.${name}`), text)
        return join(directory, `${index}.${name}`)
      }
      const [cert, key] = [await file('cert', identity.cert), await file('key', identity.key)]
      return serverBlock(kind, ports[index] as number, cert, key, await file('ca', ca))
    }),
  )
  const config = join(directory, 'nginx.conf')
  await writeFile(config, configOf(directory, servers, workers))
  const nginx = spawn('nginx', ['-c', config, '-p', directory, '-e', join(directory, 'error.log')], {
    stdio: 'inherit',
  })
  await Promise.all(ports.map(reachable))
  const pids = execFileSync('pgrep', ['-P', String(nginx.pid)], { encoding: 'utf8' })
    .trim()
    .split('\n')
  // The first number is nanoseconds of CPU.
  const cpuOf = async (pid: string) =>
    Number.parseInt(await readFile(`/proc/${pid}/schedstat`, 'utf8'), 10) / 1000
  return {
    // The workers share one port.
    ports: ports.map(port => [port]),
    cpu: async () => (await Promise.all(pids.map(cpuOf))).reduce((sum, cpu) => sum + cpu, 0),
    async close() {
      nginx.kill('SIGTERM')
      await once(nginx, 'exit')
      await rm(directory, { recursive: true })
    },
  }
}

function configOf(directory: string, servers: string[], workers: number): string {
  return `
daemon off;
user root;
worker_processes ${workers};
pid ${directory}/pid;
error_log ${directory}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
${servers.join('\n')}
}
`
}

function serverBlock(kind: Kind, port: number, cert: string, key: string, ca: string): string {
  return `server {
  listen 127.0.0.1:${port} ssl;
  ssl_certificate ${cert};
  ssl_certificate_key ${key};
  ssl_protocols ${kind.version};
  ssl_session_tickets ${kind.mechanism === 'tickets' ? 'on' : 'off'};
  ssl_session_cache ${kind.mechanism === 'ids' ? `shared:p${port}:10m` : 'off'};
  ${kind.clientCertificate ? `ssl_verify_client on; ssl_client_certificate ${ca};` : ''}
}`
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function reachable(port: number): Promise<void> {
  for (;;) {
    const socket = net.connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      socket.destroy()
      return
    } catch {
      await setTimeout(50)
    }
  }
}
