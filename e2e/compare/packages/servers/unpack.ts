/** Unpacks a package of Debian under target, for packages that cannot be installed beside others. */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../../drivers/processes.ts'
import { root } from '../../modes.ts'

/** Returns where the package's files are, and its version as upstream counts. */
export async function unpack(name: string): Promise<{ directory: string; version: string }> {
  const directory = join(root, 'target', 'compare', 'debian', name)
  mkdirSync(directory, { recursive: true })
  let archive = archiveIn(directory)
  if (!archive) {
    await run(['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', name], { cwd: directory })
    archive = archiveIn(directory)
    if (!archive) throw new Error(`apt-get downloaded no package ${name}`)
    await run(['dpkg-deb', '-x', archive, '.'], { cwd: directory })
  }
  return { directory, version: /_([\d.]+)/.exec(archive)?.[1] ?? '' }
}

function archiveIn(directory: string): string | undefined {
  return readdirSync(directory).find(each => each.endsWith('.deb'))
}
