/**
 * Loads the addon. This file is CommonJS and has the name of each package in a `require` of its own. Bundlers and
 * tracers find the binaries by that. It never throws: it exports the addon, or why there is none.
 */
import fs = require('node:fs')
import path = require('node:path')

/** What the loader found. One of `addon` and `errors` is there. */
interface Loaded {
  readonly addon?: unknown
  /** The errors of all attempts, in their order. */
  readonly errors: readonly unknown[]
  /** The path of the binary that `TLS_RESUMPTION_ADDON` names. */
  readonly given: string | undefined
  /** The path of this file, or of the bundle that contains it. */
  readonly location: string
}

// An ES module that a bundler has made has neither.
const [folder, location] = typeof __dirname === 'string' ? [__dirname, __filename] : [undefined, 'a bundle']
const errors: unknown[] = []

/** Returns what the first successful attempt returns. */
function first(...attempts: (() => unknown)[]): unknown {
  for (const attempt of attempts) {
    try {
      const addon = attempt()
      if (addon !== undefined) return addon
    } catch (error) {
      errors.push(error)
    }
  }
  return undefined
}

/** Loads a binary without `require`, which bundlers would take for a module to include. */
function open(file: string): unknown {
  const module = { exports: {} }
  process.dlopen(module, path.resolve(file))
  return module.exports
}

/**
 * Loads the binary of the platform's package. The `try` is here because bundlers accept a missing package only within one.
 */
function fromPackage(): unknown {
  try {
    switch (`${process.platform}-${process.arch}`) {
      case 'linux-x64':
        return require('tls-resumption-linux-x64-gnu')
      case 'linux-arm64':
        return require('tls-resumption-linux-arm64-gnu')
      case 'darwin-x64':
        return require('tls-resumption-darwin-x64')
      case 'darwin-arm64':
        return require('tls-resumption-darwin-arm64')
      case 'win32-x64':
        return require('tls-resumption-win32-x64-msvc')
      case 'win32-arm64':
        return require('tls-resumption-win32-arm64-msvc')
    }
  } catch (error) {
    errors.push(error)
  }
  return undefined
}

/** Does the same for the other libc of Linux. The system rejects a binary for a libc that it does not have. */
function fromMuslPackage(): unknown {
  try {
    switch (`${process.platform}-${process.arch}`) {
      case 'linux-x64':
        return require('tls-resumption-linux-x64-musl')
      case 'linux-arm64':
        return require('tls-resumption-linux-arm64-musl')
    }
  } catch (error) {
    errors.push(error)
  }
  return undefined
}

/** Loads the binary that is in a folder, if there is one for this platform. */
function fromFolder(directory: string): unknown {
  const start = `tls-resumption.${process.platform}-${process.arch}`
  const files = fs.existsSync(directory) ? fs.readdirSync(directory) : []
  const binaries = files.filter(name => name.startsWith(start) && name.endsWith('.node'))
  return first(...binaries.map(name => () => open(path.join(directory, name))))
}

/** Loads the binary of a checkout, which `npm run build:addon` has made. A bundle is not in the package's own folder. */
function fromCheckout(): unknown {
  if (folder === undefined) return undefined
  const root = path.join(folder, '..', '..')
  const built = path.join(root, 'dist', 'binding')
  if (!fs.existsSync(built)) return undefined
  const { name } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'))
  return name === 'tls-resumption' ? fromFolder(built) : undefined
}

/** Loads the binary beside a single executable application, which has no folder of packages. */
function fromExecutable(): unknown {
  const sea = process.getBuiltinModule('node:sea')
  return sea?.isSea() ? fromFolder(path.dirname(process.execPath)) : undefined
}

const given = process.env.TLS_RESUMPTION_ADDON || undefined
const addon = given
  ? first(() => open(given))
  : first(fromCheckout, fromPackage, fromMuslPackage, fromExecutable)

const loaded: Loaded = { addon, errors, given, location }
export = loaded
