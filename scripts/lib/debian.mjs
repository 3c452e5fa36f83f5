/** Installs Debian packages: `node scripts/lib/debian.mjs PACKAGE …`, or called from other scripts. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ask, run } from './run.mjs'

/**
 * This file keeps invoke-rc.d from starting a service when its package is installed. Tests start their own servers.
 */
const POLICY = '/usr/sbin/policy-rc.d'

/** Waits while another apt-get runs, such as the one that updates the machine. */
const APT = ['-qq', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3']

let listsAreFresh = false

/** Returns true if this process is root and has apt-get. */
export function canInstall() {
  return process.getuid?.() === 0 && ask('apt-get', ['--version']) !== undefined
}

/** Installs packages. Rejects with the command to run by hand if it cannot. */
export async function installPackages(packages) {
  if (!canInstall()) throw new Error(`missing packages. Run as root: apt-get install ${packages.join(' ')}`)
  process.stderr.write(`installing ${packages.join(', ')} ...\n`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const addPolicy = !existsSync(POLICY)
  if (addPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    // The old lists may be enough without a network, or while another process updates them.
    if (!listsAreFresh) await run('apt-get', [...APT, 'update'], { env }).catch(() => {})
    listsAreFresh = true
    await run('apt-get', [...APT, 'install', '-y', '--no-install-recommends', ...packages], { env })
  } finally {
    if (addPolicy) rmSync(POLICY, { force: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await installPackages(process.argv.slice(2))
