import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { installPackages } from '../../scripts/lib/debian.mjs'
import { run } from './processes.ts'

/** Where Debian installs servers, beside PATH. */
const DIRECTORIES = ['/usr/bin', '/usr/sbin', '/usr/lib/postgresql/15/bin', '/usr/lib/rabbitmq/bin']

/** Returns the program's path if it is installed. */
export function find(program: string): string | undefined {
  return [...(process.env.PATH ?? '').split(delimiter), ...DIRECTORIES]
    .map(directory => join(directory, program))
    .find(existsSync)
}

/**
 * Installs packages unless `program` is installed.
 * @returns the path of the program.
 * @throws with the command to run by hand if it cannot be installed.
 */
export async function provide(program: string, packages: readonly string[]): Promise<string> {
  const found = find(program)
  if (found) return found
  await installPackages(packages)
  const installed = find(program)
  if (!installed) throw new Error(`${packages.join(' ')} did not bring ${program}`)
  return installed
}

/** Returns the upstream version of an installed package, without epoch and Debian's revision. */
export async function versionOf(name: string): Promise<string> {
  const version = await run(['dpkg-query', '-W', '-f', `\${source:Upstream-Version}`, name])
  return version.replace(/\+(?:dfsg|ds).*$/, '')
}
