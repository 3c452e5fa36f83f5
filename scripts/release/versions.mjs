/** The places of the version: the package, its platforms' packages, and the crates all have the same. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const read = path => readFileSync(path, 'utf8')
const WORKSPACE = /(\[workspace\.package\]\nversion = ")([^"]*)(")/
/** Dependencies of the crates on each other. */
const DEPENDENCY = /((tls-resumption-[a-z]+) = \{ path = "[^"]+", version = ")([^"]*)(")/g
/** Crates of the workspace have no source in the lockfile. */
const LOCKED = /(name = "(tls-resumption-[a-z]+)"\nversion = ")([^"]*)("\n(?!source))/g

/** Returns each place with its version: `[['package.json', '1.2.3'], …]`. */
export function versionsIn(root) {
  const lock = JSON.parse(read(join(root, 'package-lock.json')))
  return [
    ['package.json', JSON.parse(read(join(root, 'package.json'))).version],
    ['package-lock.json', lock.version],
    ['package-lock.json, its root', lock.packages[''].version],
    ...readdirSync(join(root, 'npm')).map(name => [
      `npm/${name}/package.json`,
      JSON.parse(read(join(root, 'npm', name, 'package.json'))).version,
    ]),
    ['Cargo.toml', read(join(root, 'Cargo.toml')).match(WORKSPACE)?.[2]],
    ...[...read(join(root, 'Cargo.toml')).matchAll(DEPENDENCY)].map(([, , crate, version]) => [
      `Cargo.toml, the dependency on ${crate}`,
      version,
    ]),
    ...[...read(join(root, 'Cargo.lock')).matchAll(LOCKED)].map(([, , crate, version]) => [
      `Cargo.lock, ${crate}`,
      version,
    ]),
  ]
}

/** Gives the crates a version. npm changes package.json and its lockfile, `napi version` the platforms. */
export function setCrates(root, version) {
  for (const [name, pattern] of [
    ['Cargo.toml', WORKSPACE],
    ['Cargo.toml', DEPENDENCY],
    ['Cargo.lock', LOCKED],
  ]) {
    const path = join(root, name)
    const text = read(path).replace(pattern, (...found) => {
      const [, start] = found
      const end = found.slice(1, -2).at(-1)
      return `${start}${version}${end}`
    })
    writeFileSync(path, text)
  }
}

/** Names the unreleased changes after the version, and adds an empty section above. Throws if there are none. */
export function closeChangelog(root, version, date) {
  const path = join(root, 'CHANGELOG.md')
  const [before, rest] = read(path).split('## Unreleased\n')
  if (!rest || !/^- /m.test(rest.split('\n## ')[0]))
    throw new Error('CHANGELOG.md has nothing under "Unreleased"')
  writeFileSync(path, `${before}## Unreleased\n\n## ${version} (${date})\n${rest}`)
}

/** Returns what the changelog says of a version, or undefined. */
export function notesOf(root, version) {
  const sections = read(join(root, 'CHANGELOG.md')).split(/^## /m)
  const found = sections.find(section => section.startsWith(`${version} (`))
  return found?.slice(found.indexOf('\n')).trim()
}
