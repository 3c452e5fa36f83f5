/** Returns the text of a function, whatever its own `toString` returns. */
export function sourceText(fn: object): string {
  return Function.prototype.toString.call(fn)
}

/**
 * True if a function that takes objects is Node's own, and not a wrapper of a package. `argumentCount`: how many of its
 * arguments may be objects.
 *
 * A function itself does not show where it comes from, but the stack does. The function is called with an object that reads
 * the stack at the first access. Node's own function is reached through frames of Node.js only. Where the stack cannot be
 * read, the result is false.
 */
export function isBuiltin(fn: object, argumentCount = 2): boolean {
  let isOwn = false
  const look = (): never => {
    isOwn = callersUpToHere().every(file => file?.startsWith('node:'))
    throw new Error('stack read')
  }
  const probe = new Proxy({}, { get: look, has: look, ownKeys: look, getOwnPropertyDescriptor: look })
  try {
    Reflect.apply(fn as () => void, undefined, new Array(argumentCount).fill(probe))
  } catch {
    // The error of the probe, or one that rejects the probe.
  }
  // @guard replaced-create-secure-context › builtin-functions › a thread that injects another CA is not led
  //   to trust by the sessions of one that does not
  //   ⇒ `return isOwn` becomes `return true`
  return isOwn
}

/** Returns the files of the frames between the probe's access and this module, nearest first: at least one. */
function callersUpToHere(): (string | null | undefined)[] {
  const { prepareStackTrace, stackTraceLimit } = Error
  try {
    Error.stackTraceLimit = 50
    Error.prepareStackTrace = (_, sites) => sites.map(site => site.getFileName())
    const [here, look, ...files] = new Error().stack as unknown as (string | null)[]
    const end = files.indexOf(here ?? null)
    return here === look && end > 0 ? files.slice(0, end) : [undefined]
  } finally {
    Error.prepareStackTrace = prepareStackTrace
    Error.stackTraceLimit = stackTraceLimit
  }
}
