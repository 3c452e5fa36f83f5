/** The servers that `npm run test:probe` probes, and what each is known to do. */
import { randomBytes } from 'node:crypto'
import type { StartTls } from '../../dist/probe/starttls.js'
import { find, versionOf } from '../drivers/debian.ts'
import { freePort } from '../drivers/processes.ts'
import { mariadb } from '../drivers/real/mariadb.ts'
import { mosquitto } from '../drivers/real/mosquitto.ts'
import { postgres } from '../drivers/real/postgres.ts'
import { redis } from '../drivers/real/redis.ts'
import type { RealServer, Site } from '../drivers/site.ts'
import { dovecot, slapd } from './starttls-servers.ts'

export interface Known {
  resumes: boolean
  /** Numbers of tickets of a full handshake and of a resumed one. */
  sessions: number
  renewed?: number
}

export interface ProbedServer extends Pick<RealServer, 'name' | 'programs' | 'start'> {
  startTls?: StartTls
  'TLSv1.2': Known
  'TLSv1.3': Known
}

/** OpenSSL's defaults: two tickets, and one more each time. TLS 1.2 tickets are renewed when their key gets old. */
const OPENSSL = {
  'TLSv1.2': { resumes: true, sessions: 1, renewed: 0 },
  'TLSv1.3': { resumes: true, sessions: 2, renewed: 1 },
}

const NOTHING = {
  'TLSv1.2': { resumes: false, sessions: 0 },
  'TLSv1.3': { resumes: false, sessions: 0 },
}

const GNUTLS = {
  'TLSv1.2': { resumes: true, sessions: 1, renewed: 0 },
  'TLSv1.3': { resumes: true, sessions: 2, renewed: 2 },
}

/** A server of the distribution that needs only a command line. */
function program(
  title: string,
  executable: string,
  debianPackage: string,
  command: (site: Site, port: number) => string[],
): Pick<RealServer, 'name' | 'programs' | 'start'> {
  return {
    name: title,
    programs: { [executable]: [debianPackage] },
    async start(site) {
      const port = await freePort()
      await site.start([find(executable) ?? '', ...command(site, port)], { port })
      site.relay.to(port)
      return { version: await versionOf(debianPackage) }
    },
  }
}

/** @param settings of the line that binds the port. */
function haproxy(title: string, settings: (site: Site) => string): ProbedServer {
  return {
    ...program(title, 'haproxy', 'haproxy', (site, port) => {
      const pem = site.write('both.pem', `${site.server.cert}\n${site.server.key}`)
      const config = site.write(
        'haproxy.cfg',
        `defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend here
  bind 127.0.0.1:${port} ssl crt ${pem} ${settings(site)}
  http-request return status 200
`,
      )
      return ['-db', '-f', config]
    }),
    ...OPENSSL,
  }
}

export const servers: Readonly<Record<string, ProbedServer>> = {
  nginx: {
    ...program('nginx', 'nginx', 'nginx-light', (site, port) => {
      const { cert, key } = site.files
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        name => `${name}_temp_path ${name};`,
      )
      const config = site.write(
        'nginx.conf',
        `daemon off;
pid nginx.pid;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.2 TLSv1.3;
    return 200;
  }
}
`,
      )
      return ['-p', site.directory, '-e', 'stderr', '-c', config]
    }),
    ...OPENSSL,
  },
  haproxy: haproxy('HAProxy', () => ''),
  'haproxy-keys': {
    ...haproxy('HAProxy with a file of ticket keys', site => {
      const keys = Array.from({ length: 3 }, () => `${randomBytes(48).toString('base64')}\n`)
      return `tls-ticket-keys ${site.write('keys', keys.join(''))}`
    }),
    'TLSv1.3': { resumes: true, sessions: 2, renewed: 0 },
  },
  redis: { ...redis, ...OPENSSL },
  mariadb: { ...mariadb, startTls: 'mysql', ...OPENSSL },
  postgres: { ...postgres, startTls: 'postgres', ...NOTHING },
  mosquitto: { ...mosquitto, ...OPENSSL },
  openssl: {
    ...program('openssl s_server', 'openssl', 'openssl', ({ files }, port) => [
      's_server',
      ...['-accept', `127.0.0.1:${port}`, '-cert', files.cert, '-key', files.key, '-www'],
    ]),
    ...OPENSSL,
  },
  // It always listens on all addresses of the machine.
  gnutls: {
    ...program('gnutls-serv', 'gnutls-serv', 'gnutls-bin', ({ files }, port) => [
      ...['--http', '--quiet', '--disable-client-cert', '--port', `${port}`],
      ...['--x509certfile', files.cert, '--x509keyfile', files.key],
    ]),
    ...GNUTLS,
  },
  // Each connection has a process with its own ticket keys.
  dovecot: {
    ...dovecot,
    startTls: 'imap',
    'TLSv1.2': { resumes: false, sessions: 1 },
    'TLSv1.3': { resumes: false, sessions: 2 },
  },
  // An ID in each ServerHello of TLS 1.2, which the server never resumes.
  slapd: { ...slapd, startTls: 'ldap', ...NOTHING, 'TLSv1.2': { resumes: false, sessions: 1 } },
}
