/**
 * `npm run test:metrics`: a real Prometheus scrapes a service whose TLS connections resume. Checks the exporter's text, the
 * alerts and their tests by promtool, and runs each query of the dashboard. As root, it installs missing programs by apt-get.
 * The last line is `N passed, M failed`.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { register } from 'prom-client'
import { dashboardQueries } from '../../__test__/support/dashboard.ts'
import { provide } from '../drivers/debian.ts'
import { freePort, startLogged, stop, untilReady } from '../drivers/processes.ts'
import { type Service, startService } from './service.ts'

const PATIENCE_MS = 60_000
const RULES = join('examples', 'prometheus-rules.yaml')

const prometheus = await provide('prometheus', ['prometheus'])
const promtool = await provide('promtool', ['prometheus'])
await provide('redis-server', ['redis-server'])

const ends: (() => unknown)[] = []
const scope = { teardown: (end: () => unknown) => void ends.push(end) }
const sum = { passed: 0, failed: 0 }
try {
  checkFiles()
  const service = await startService(scope)
  await service.use()
  checkText(await register.metrics())
  await checkQueries(service)
} finally {
  for (const end of ends.reverse()) await end()
}
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed\n`)
process.exit(sum.failed === 0 ? 0 : 1)

function report(what: string, problem: string | undefined): void {
  sum[problem === undefined ? 'passed' : 'failed']++
  process.stdout.write(`${problem === undefined ? '✔' : '✘'} ${what}${problem ? `\n${problem}` : ''}\n`)
}

/** Reports what a command of promtool says if it fails. */
function checkBy(what: string, args: readonly string[], input?: string): void {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: 'utf8', input })
  report(what, status === 0 ? undefined : stdout + stderr)
}

function checkFiles(): void {
  checkBy('alerts: promtool check rules', ['check', 'rules', '--lint-fatal', RULES])
  checkBy('alerts: promtool test rules', ['test', 'rules', join('e2e', 'metrics', 'rules.test.yaml')])
}

function checkText(text: string): void {
  checkBy('exporter: promtool check metrics', ['check', 'metrics', '--extended'], text)
}

/** Runs all queries against a Prometheus that scrapes the service. */
async function checkQueries(service: Service): Promise<void> {
  const { ask } = await startPrometheus(service.metricsPort)
  // A rate needs two scrapes with connections between them.
  const scrapes = async () => Number((await ask('query', 'count_over_time(up[1h])'))[0] ?? 0)
  for (const wanted of [2, 4]) {
    await until(async () => (await scrapes()) >= wanted, `scrape number ${wanted}`)
    await service.use()
  }
  const before = await scrapes()
  await until(async () => (await scrapes()) >= before + 2, 'scrape after the last connection')

  for (const { title, expr, legend } of dashboardQueries()) {
    const query = expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(job|instance)/g, '.*')
    const values = await ask('query', query).catch((error: Error) => error)
    const problem = Array.isArray(values)
      ? values.some(value => value !== 'NaN')
        ? undefined
        : 'no data'
      : values.message
    report(`dashboard, ${title}${legend && `: ${legend}`}`, problem && `${query}\n${problem}`)
  }
  const groups = (await ask('rules')) as unknown as {
    rules: { name: string; health: string; lastError?: string }[]
  }[]
  for (const { name, health, lastError } of groups.flatMap(({ rules }) => rules)) {
    report(`alert ${name} is evaluated`, health === 'ok' ? undefined : `${health}: ${lastError}`)
  }
}

/** Starts a Prometheus that scrapes the port each second. Returns a function that asks its API. */
async function startPrometheus(target: number) {
  const directory = mkdtempSync(join(tmpdir(), 'tls-resumption-prometheus-'))
  const configuration = join(directory, 'prometheus.yaml')
  writeFileSync(
    configuration,
    JSON.stringify({
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [join(process.cwd(), RULES)],
      scrape_configs: [{ job_name: 'service', static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
    }),
  )
  const port = await freePort()
  const log = join(directory, 'log')
  const options = [
    `--config.file=${configuration}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]
  const server = startLogged([prometheus, ...options], log, {})
  scope.teardown(async () => {
    await stop(server)
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  })
  const url = `http://127.0.0.1:${port}`
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    )
  await untilReady(server, log, isReady, PATIENCE_MS)
  const ask = async (path: string, query = ''): Promise<string[]> => {
    const response = await fetch(`${url}/api/v1/${path}?query=${encodeURIComponent(query)}`)
    const { status, error, data } = (await response.json()) as {
      status: string
      error?: string
      data: { result: { value: [number, string] }[]; groups: string[] }
    }
    if (status !== 'success') throw new Error(error)
    return path === 'rules' ? data.groups : data.result.map(({ value }) => value[1])
  }
  return { ask }
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`there was no ${what} after ${PATIENCE_MS} ms`)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}
