import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { find, versionOf } from '../debian.ts'
import { freePort } from '../processes.ts'
import type { Counts, RealServer } from '../site.ts'

/** The part of the package ws that the server behind nginx uses. */
interface WebSockets {
  WebSocketServer: new (
    options: object,
  ) => Pick<Server, 'address' | 'once' | 'unref'> & {
    on(event: 'connection', listener: (socket: WebSocket) => void): void
  }
}
type WebSocket = { on(event: 'message', listener: (data: Buffer) => void): void; send(data: Buffer): void }

export const nginx: RealServer = {
  name: 'nginx',
  programs: { nginx: ['nginx-light'] },
  drivers: ['https', 'fetch', 'undici', 'http2', 'got', 'got-http2', 'axios', 'ws'],
  async start(site) {
    const port = await freePort()
    const log = site.path('handshakes')
    const config = site.write('nginx.conf', configuration(port, await echo(), log, site.files))
    await site.start([find('nginx') ?? '', '-p', site.directory, '-e', 'stderr', '-c', config], { port })
    site.relay.to(port)
    return {
      version: await versionOf('nginx-light'),
      counts: async () => countsOf(readFileSync(log, 'utf8')),
    }
  },
}

/** Ends each connection after one response, so that each request needs a new one. */
function configuration(
  port: number,
  backend: number,
  log: string,
  { cert, key }: Record<string, string>,
): string {
  return `
daemon off;
worker_processes 1;
pid nginx.pid;
events {}
http {
  log_format handshakes '$connection $ssl_session_reused';
  access_log ${log} handshakes;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_timeout 0;
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / { return 200 $arg_value; }
    location /ws {
      proxy_pass http://127.0.0.1:${backend};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}
`
}

/** A line per request: the number of its connection, and `r` if that resumed. */
function countsOf(log: string): Counts {
  const connections = new Map(
    log
      .split('\n')
      .filter(Boolean)
      .map(line => line.split(' ') as [string, string]),
  )
  const resumed = [...connections.values()].filter(value => value === 'r').length
  return { full: connections.size - resumed, resumed }
}

/** nginx forwards WebSockets but does not speak the protocol itself. */
async function echo(): Promise<number> {
  const { WebSocketServer }: WebSockets = createRequire(import.meta.url)('ws')
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  server.on('connection', socket => socket.on('message', data => socket.send(data)))
  await once(server as Server, 'listening')
  return (server.address() as AddressInfo).port
}
