/** The text of a function, whatever its own `toString` says. */
export function sourceText(fn: object): string {
  return Function.prototype.toString.call(fn)
}

/**
 * Whether a function that takes objects is Node's own, and not a wrapper that some package put around it.
 *
 * Nothing of a function tells where it comes from, but the stack does: called with an object that
 * looks at it on the first access, Node's own function is reached through frames of Node alone. Where the
 * stack cannot be read, the answer is no.
 */
export function isBuiltin(fn: object): boolean {
  let isOwn = false
  const look = (): never => {
    isOwn = callersUpToHere().every(file => file?.startsWith('node:'))
    throw new Error('seen enough')
  }
  const probe = new Proxy({}, { get: look, has: look, ownKeys: look, getOwnPropertyDescriptor: look })
  try {
    Reflect.apply(fn as () => void, undefined, [probe, probe])
  } catch {
    // The probe's own, or an objection to it.
  }
  // @guard replaced-create-secure-context › builtin-functions › a thread that injects another CA is not led
  //   to trust by the sessions of one that does not
  //   ⇒ `return isOwn` becomes `return true`
  return isOwn
}

/** The files of the frames between the probe's access and this module, nearest first; one at least. */
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
