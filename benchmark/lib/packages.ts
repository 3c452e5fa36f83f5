import { readFileSync } from 'node:fs'

/** Returns the versions of installed packages, by name. */
export function versionsOf(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map(name => [name, versionOf(name)]))
}

function versionOf(name: string): string {
  const manifest = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(manifest, 'utf8')).version
}
