/**
 * Installs packages of Debian: `node scripts/lib/debian.mjs PACKAGE …`, or called from scripts that find that they need them.
 */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ask, run } from './run.mjs'

/** What asks invoke-rc.d not to start a service when its package is installed: tests start their own. */
const POLICY = '/usr/sbin/policy-rc.d'

/** While another apt-get is at work, such as that of a machine that updates itself, ours waits. */
const APT = ['-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3']

let listsAreFresh = false

/** Whether they can be installed here: by root, and with apt-get. */
export function canInstall() {
  return process.getuid?.() === 0 && ask('apt-get', ['--version']) !== undefined
}

/** Rejects, with what to do by hand, where they cannot be installed. */
export async function installPackages(packages) {
  if (!canInstall()) throw new Error(`to be installed, as root: apt-get install ${packages.join(' ')}`)
  process.stderr.write(`installing ${packages.join(', ')} ...\n`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const addPolicy = !existsSync(POLICY)
  if (addPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    // Without a network, or while another updates them, the lists that there are may do.
    if (!listsAreFresh) await run('apt-get', [...APT, 'update'], { env }).catch(() => {})
    listsAreFresh = true
    await run('apt-get', [...APT, 'install', '-y', '--no-install-recommends', ...packages], { env })
  } finally {
    if (addPolicy) rmSync(POLICY, { force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await installPackages(process.argv.slice(2))
