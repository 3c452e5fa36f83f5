/**
 * Checks the crates as they would be published to crates.io.
 *
 * - `node scripts/release/crates.mjs publish` runs `cargo publish --workspace --dry-run` in a copy of HEAD whose
 *   workspace permits publishing.
 * - `node scripts/release/crates.mjs semver [REVISION]` runs `cargo semver-checks` against a revision, HEAD by default.
 * - `node scripts/release/crates.mjs msrv` compiles the crates with the oldest Rust that they support.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ask, run } from '../lib/run.mjs'
import { root } from '../lib/setup.mjs'

/** The crates with an API. The others are parts of the npm package or of its tests. */
const CRATES = ['tls-resumption-core', 'tls-resumption-session', 'tls-resumption-rustls']
const PACKAGES = CRATES.flatMap(name => ['--package', name])

/** Packs the crates of HEAD and compiles each from its package. */
export async function dryRunPublish() {
  const copy = join(root, 'target/tmp/crates')
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(copy, { recursive: true })
  const archive = join(copy, 'head.tar')
  await run('git', ['archive', '--output', archive, 'HEAD', 'Cargo.toml', 'Cargo.lock', 'LICENSE', 'crates'])
  await run('tar', ['--extract', '--file', archive, '--directory', copy])
  const manifest = join(copy, 'Cargo.toml')
  const text = readFileSync(manifest, 'utf8')
  if (!text.includes('\npublish = false\n')) throw new Error('Cargo.toml does not forbid publishing')
  writeFileSync(manifest, text.replace('\npublish = false\n', '\npublish = true\n'))
  const target = join(root, 'target/publish')
  await run('cargo', ['publish', '--workspace', '--dry-run', '--target-dir', target], { cwd: copy })
}

/** Compares the APIs with those of another revision. */
export async function checkSemver(revision = 'HEAD') {
  await run('cargo', ['semver-checks', ...PACKAGES, '--baseline-rev', revision])
}

/** Returns true if `cargo semver-checks` is installed. */
export function hasSemverChecks() {
  return ask('cargo', ['semver-checks', '--version']) !== undefined
}

/** Compiles the crates with the `rust-version` of the workspace. */
export async function checkOldestRust() {
  const version = readFileSync(join(root, 'Cargo.toml'), 'utf8').match(/^rust-version = "([^"]+)"/m)?.[1]
  await run('cargo', [`+${version}`, 'check', ...PACKAGES, '--target-dir', join(root, 'target/msrv')])
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const checks = { publish: dryRunPublish, semver: checkSemver, msrv: checkOldestRust }
  const check = checks[process.argv[2]]
  if (!check) throw new Error(`expected one of ${Object.keys(checks)}, received ${process.argv[2]}`)
  await check(process.argv[3])
}
