/** Unpacks a package of Debian under target, for packages that cannot be installed beside others. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../../../drivers/processes.ts'
import { root } from '../../modes.ts'

/** Returns the path of a file of the package. */
export async function unpack(name: string, file: string): Promise<string> {
  const directory = join(root, 'target', 'compare', 'debian', name)
  const path = join(directory, file)
  if (existsSync(path)) return path
  mkdirSync(directory, { recursive: true })
  await run(['apt-get', '-qq', '-o', 'APT::Sandbox::User=root', 'download', name], { cwd: directory })
  const archive = readdirSync(directory).find(each => each.endsWith('.deb'))
  await run(['dpkg-deb', '-x', archive ?? '', '.'], { cwd: directory })
  return path
}
