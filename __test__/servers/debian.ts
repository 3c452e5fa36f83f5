import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './processes.ts'

/** Where Debian keeps servers' programs, beside what PATH says. */
const DIRECTORIES = ['/usr/bin', '/usr/sbin', '/usr/lib/postgresql/15/bin', '/usr/lib/rabbitmq/bin']

/** What asks invoke-rc.d not to start a service when its package is installed: we start our own. */
const POLICY = '/usr/sbin/policy-rc.d'

let listsAreFresh = false

/** The program's path, if it is installed. */
export function find(program: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), ...DIRECTORIES]
    .map(directory => join(directory, program))
    .find(existsSync)
}

/**
 * Installs packages, unless `program` is there already.
 * @returns where the program is.
 * @throws with what to do by hand when it cannot be installed from here.
 */
export async function provide(program: string, packages: readonly string[]): Promise<string> {
  const found = find(program)
  if (found) return found
  if (!find('apt-get') || process.getuid?.() !== 0) {
    throw new Error(
      `${program} is not installed, and installing takes root and apt-get: ${packages.join(' ')}`,
    )
  }
  process.stderr.write(`installing ${packages.join(', ')} ...\n`)
  const apt = ['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const addPolicy = !existsSync(POLICY)
  if (addPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    // Where another apt-get is at it, or there is no network, those that there are may do.
    if (!listsAreFresh) await run([...apt, 'update'], { env }).catch(() => {})
    listsAreFresh = true
    await run([...apt, 'install', '-y', '--no-install-recommends', ...packages], { env })
  } finally {
    if (addPolicy) rmSync(POLICY, { force: true })
  }
  const installed = find(program)
  if (!installed) throw new Error(`${packages.join(' ')} did not bring ${program}`)
  return installed
}

/** The version of an installed package as upstream counts: without epoch and Debian's revision. */
export async function versionOf(name: string): Promise<string> {
  const version = await run(['dpkg-query', '-W', '-f', `\${source:Upstream-Version}`, name])
  return version.replace(/\+(?:dfsg|ds).*$/, '')
}
