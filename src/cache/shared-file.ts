/** Caches and rings in a file that all processes of a user share: what is checked before one is opened, and its errors. */
import { dirname, resolve } from 'node:path'
import { type CodedError, coded, invalidArgType, nameConflict } from '../util/errors.js'
import { checkString } from '../util/validate.js'

/** The longest path of Linux. */
const MAX_PATH = 4095

/** Why the addon did not open a file. `kind` is a `SegmentErrorKind` of `crates/core`. */
export interface FileProblem {
  kind: string
  /** The file that it is about: that of the option, or the session file beside it. */
  file: string
  expected: string
  found: string
}

/** What to do about a problem, by its kind. */
const REMEDIES: Readonly<Record<string, (file: string, found: string) => string>> = {
  Path: file => `Make its folder: mkdir -p -m 700 ${dirname(file)}`,
  FileType: file => `Choose a path that nothing else uses: ls -ld ${file}`,
  FileSystem: () => 'Choose a path on tmpfs, as below /run, /dev/shm or $XDG_RUNTIME_DIR',
  ReadOnly: file =>
    `Choose another path, or mount it for writing as root: mount -o remount,rw ${dirname(file)}`,
  Permission: file => `Choose a folder of this user: ls -ld ${dirname(file)}`,
  Owner: file => `Choose a path that belongs to this user, or remove the file as its owner: rm ${file}`,
  Mode: (file, found) =>
    /^0?[0-7]00$/.test(found)
      ? `Let its owner read and write it: chmod 600 ${file}`
      : `Other users may have read it, so remove it: rm ${file}`,
  Links: file => `Remove this name of it: rm ${file}`,
  Content: file => `Remove it: rm ${file}`,
  Busy: file => `Try again, or look for the process: fuser -v ${file}`,
  Processes: () => 'Use another path for some of the processes',
  Space: file => `Give the file system room, or lower "max": df ${dirname(file)}`,
  FileSizeLimit: () => 'Raise the limit: ulimit -f unlimited',
}

/** Returns the absolute path of a `path` option. Throws if it, or what it needs, is not there. */
export function checkPath(path: string): string {
  checkString('path', path, MAX_PATH)
  if (path.includes('\0')) throw invalidArgType('"path" option', 'a path without null bytes', path)
  const file = resolve(path)
  if (process.platform !== 'linux') throw unsupported(`this is ${process.platform}`)
  for (const each of [file, `${file}.v2`]) {
    for (const scope of ['fs.read', 'fs.write']) {
      if (process.permission?.has(scope, each) === false) {
        throw fileError(
          `the permission ${scope} is denied for ${each}. Start Node.js with --allow-fs-read and --allow-fs-write of ` +
            `${file} and ${file}.v2`,
        )
      }
    }
  }
  return file
}

function unsupported(why: string): CodedError {
  return coded(
    new Error(`The "path" option needs Linux and tmpfs: ${why}. Use "name" to share among threads`),
    'ERR_TLS_RESUMPTION_UNSUPPORTED',
  )
}

function fileError(message: string): CodedError {
  return coded(
    new Error(`The file of the "path" option cannot be used: ${message}`),
    'ERR_TLS_RESUMPTION_FILE',
  )
}

/** Returns the error for what the addon found. */
export function problemError(what: string, path: string, problem: FileProblem): CodedError {
  const { kind, file, expected, found } = problem
  if (kind === 'Unsupported') return unsupported(`found ${found}`)
  if (kind === 'Options') {
    const remedy = `or remove it: npx tls-resumption cache ${path} --remove`
    return nameConflict(what, path, [
      `it has ${expected}, asked for ${found}; use the same options, ${remedy}`,
    ])
  }
  const remedy = REMEDIES[kind]?.(file, found)
  return fileError(`${file}: expected ${expected}, found ${found}${remedy ? `. ${remedy}` : ''}`)
}
