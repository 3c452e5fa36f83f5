/** Programs over published packages, which talk to servers of their own or to real ones. */
import { fileURLToPath } from 'node:url'
import { createAuthority, type Identity } from '../../../fixtures/certificates.ts'
import { nodeProgram } from '../../../scripts/lib/nodes.mjs'
import { mariadb } from '../../drivers/real/mariadb.ts'
import { mongodb } from '../../drivers/real/mongodb.ts'
import { postgres } from '../../drivers/real/postgres.ts'
import type { RealServer } from '../../drivers/site.ts'
import { openWorkshop } from '../../drivers/workshop.ts'
import { judge, type Run } from '../judge.ts'
import { flagsOf, root } from '../modes.ts'
import { runToEnd } from '../processes.ts'
import type { Report } from '../report.ts'
import { dovecot } from './servers/dovecot.ts'
import { proftpd } from './servers/proftpd.ts'
import { vsftpd } from './servers/vsftpd.ts'

/** These have their server in their own process. */
const SELF_SERVED = [
  'ws',
  'https-proxy-agent-5',
  'https-proxy-agent-7',
  'agentkeepalive',
  'undici',
  'grpc-js',
  'nodemailer',
  'pinning',
  'tedious',
]

/** These have a real server, by the name of the program. */
const SERVED: Readonly<Record<string, { name: string; server: Pick<RealServer, 'programs' | 'start'> }[]>> = {
  'basic-ftp': [
    { name: 'vsftpd', server: vsftpd },
    { name: 'ProFTPD', server: proftpd },
  ],
  imapflow: [{ name: 'Dovecot', server: dovecot }],
  mysql2: [{ name: 'MariaDB', server: mariadb }],
  pg: [{ name: 'PostgreSQL', server: postgres }],
  mongodb: [{ name: 'mongo-java-server', server: mongodb }],
}

const LIMIT_MS = 60_000

/** Runs all programs, or those that `only` names, on each of the given versions of Node.js. */
export async function comparePackages(
  report: Report,
  { nodes, only, quick }: { nodes: readonly number[]; only?: readonly string[]; quick: boolean },
): Promise<void> {
  report.section('packages')
  const isChosen = (program: string) => only?.includes(program) ?? true
  const authority = await createAuthority({ algorithm: 'ecdsa' })
  const identity = await authority.issue({ usage: 'server', commonName: 'localhost' })
  const settings = { ca: authority.cert, ...identity }
  for (const program of SELF_SERVED.filter(isChosen)) {
    for (const node of nodes) await judgeProgram(report, { program, title: program, node, settings })
  }
  if (quick) return
  const withSite = await openWorkshop()
  for (const [program, servers] of Object.entries(SERVED).filter(([name]) => isChosen(name))) {
    for (const { name, server } of servers) {
      await withSite(`${program}-${name}`, server, async (site, { version, endpoint }) => {
        const settings = {
          ca: site.authority.cert,
          host: 'localhost',
          port: site.relay.port,
          ...endpoint,
        }
        for (const node of nodes) {
          await judgeProgram(report, { program, title: `${program} · ${name} ${version}`, node, settings })
          // Handshakes that begin in the clear are not read.
          const handshakes = await site.relay.take(LIMIT_MS)
          const resumed = handshakes.filter(handshake => handshake.resumed).length
          if (handshakes.length > 0) report.note(`    resumed ${resumed} of ${handshakes.length}`)
        }
      }).catch(error => report.finding(`packages · ${program} · ${name}: ${error}`))
    }
  }
}

interface Trial {
  program: string
  title: string
  node: number
  settings: Partial<Identity> & { ca: string; host?: string; port?: number }
}

async function judgeProgram(report: Report, { program, title, node, settings }: Trial): Promise<void> {
  const file = fileURLToPath(new URL(`programs/${program}.mjs`, import.meta.url))
  let said = ''
  const run: Run = async mode => {
    const { how, output } = await runToEnd(
      nodeProgram(node),
      [...flagsOf(mode), file, JSON.stringify(settings)],
      { cwd: root, env: process.env, limit: LIMIT_MS },
    )
    if (mode === 'auto') said = output.trim()
    return how === '0' ? undefined : `${how}: ${/^\w*Error\b.*/m.exec(output)?.[0] ?? output.slice(-300)}`
  }
  const { culprit, failure } = await judge(run)
  const line = `packages · node${node} · ${title}`
  if (culprit === 'none') {
    report.passed()
    report.note(`✔ ${line}${said ? ` · ${said}` : ''}`)
  } else if (culprit === 'auto') {
    report.finding(`${line}: ${failure}`)
  } else {
    // A program that works nowhere compares nothing.
    report.finding(
      `${line} fails ${culprit === 'always' ? 'with plain Node.js' : 'with any preload'}: ${failure}`,
    )
  }
}
