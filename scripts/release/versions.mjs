/** The places that have the version: one number for the package, its platforms' packages, and the crates. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const read = path => readFileSync(path, 'utf8')
const WORKSPACE = /(\[workspace\.package\]\nversion = ")([^"]*)(")/
/** A crate of the workspace has no source in the lockfile, for it is right here. */
const LOCKED = /(name = "(tls-resumption-[a-z]+)"\nversion = ")([^"]*)("\n(?!source))/g

/** Each place, with what it says: `[['package.json', '1.2.3'], …]`. */
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
    ...[...read(join(root, 'Cargo.lock')).matchAll(LOCKED)].map(([, , crate, version]) => [
      `Cargo.lock, ${crate}`,
      version,
    ]),
  ]
}

/** Gives the crates a version; npm does it for package.json and its lockfile, `napi version` for the platforms. */
export function setCrates(root, version) {
  for (const [name, pattern] of [
    ['Cargo.toml', WORKSPACE],
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

/** Names what is unreleased after the version, and begins anew above it. Throws where nothing is unreleased. */
export function closeChangelog(root, version, date) {
  const path = join(root, 'CHANGELOG.md')
  const [before, rest] = read(path).split('## Unreleased\n')
  if (!rest || !/^- /m.test(rest.split('\n## ')[0]))
    throw new Error('CHANGELOG.md has nothing under "Unreleased"')
  writeFileSync(path, `${before}## Unreleased\n\n## ${version} (${date})\n${rest}`)
}

/** What the changelog says of a version, or undefined. */
export function notesOf(root, version) {
  const sections = read(join(root, 'CHANGELOG.md')).split(/^## /m)
  const found = sections.find(section => section.startsWith(`${version} (`))
  return found?.slice(found.indexOf('\n')).trim()
}
