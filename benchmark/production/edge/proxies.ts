/** nginx and HAProxy with one worker, which resume by session IDs and by tickets, in front of a server without TLS. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { provide } from '../../../e2e/drivers/debian.ts'
import { accepts, freePort, startLogged, stop, untilReady } from '../../../e2e/drivers/processes.ts'
import type { Identity } from '../../../fixtures/certificates.ts'

export interface TlsProxy {
  port: number
  /** The processes that work for it. */
  pids: number[]
  version: string
  close(): Promise<void>
}

export type StartProxy = (folder: string, identity: Identity, upstream: number) => Promise<TlsProxy>

export const startNginx: StartProxy = async (folder, { cert, key }, upstream) => {
  const program = await provide('nginx', ['nginx-light'])
  const port = await freePort()
  const file = fileIn(folder)
  const config = file(
    'nginx.conf',
    `daemon off;
user root;
worker_processes 1;
pid ${folder}/pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream node { server 127.0.0.1:${upstream}; keepalive 32; }
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${file('cert.pem', cert)};
    ssl_certificate_key ${file('key.pem', key)};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:edge:16m;
    location / { proxy_pass http://node; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`,
  )
  const started = await start([program, '-c', config, '-p', folder, '-e', 'stderr'], folder, port)
  const version = execFileSync('sh', ['-c', `${program} -v 2>&1`], { encoding: 'utf8' })
  return { ...started, version: version.match(/nginx\/(\S+)/)?.[1] ?? '' }
}

export const startHaproxy: StartProxy = async (folder, { cert, key }, upstream) => {
  const program = await provide('haproxy', ['haproxy'])
  const port = await freePort()
  const file = fileIn(folder)
  const config = file(
    'haproxy.cfg',
    `global
  nbthread 1
  tune.ssl.cachesize 20000
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse safe
frontend edge
  bind 127.0.0.1:${port} ssl crt ${file('both.pem', `${cert}\n${key}`)} ssl-min-ver TLSv1.2
  default_backend node
backend node
  server node 127.0.0.1:${upstream}
`,
  )
  const started = await start([program, '-db', '-f', config], folder, port)
  const version = execFileSync(program, ['-v'], { encoding: 'utf8' })
  return { ...started, version: version.match(/version ([\d.]+)/)?.[1] ?? '' }
}

function fileIn(folder: string): (name: string, text: string) => string {
  return (name, text) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
}

async function start(command: string[], folder: string, port: number): Promise<Omit<TlsProxy, 'version'>> {
  const log = join(folder, 'log')
  const child = startLogged(command, log, { cwd: folder })
  await untilReady(child, log, () => accepts(port), 20_000)
  const own = child.pid ?? 0
  return { port, pids: [own, ...childrenOf(own)], close: () => stop(child) }
}

function childrenOf(pid: number): number[] {
  try {
    return execFileSync('pgrep', ['-P', `${pid}`], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
  } catch {
    return []
  }
}
