import { invalidArgType } from '../util/errors.js'
import { checkBoolean, checkOptionBag } from '../util/validate.js'
import { DEFAULT_SCOPE, type Scope } from './instruments.js'

/** Options of {@link collect} and {@link collectOpenTelemetry}. */
export interface CollectOptions {
  /**
   * True to also report what all threads of the process share: named caches and the keys of named rings. Exactly one
   * thread of a process should report them, and it must have them open. All threads report their own connections and
   * events, and their caches and rings without a name.
   * @defaultValue true in the main thread, false in workers
   */
  processWide?: boolean | undefined
}

const OPTIONS: readonly string[] = ['processWide'] satisfies (keyof CollectOptions)[]

/** Validates the options and returns the scope that they mean. */
export function checkCollectOptions(options: CollectOptions): Scope {
  checkOptionBag('options', options, OPTIONS)
  checkBoolean('processWide', options.processWide)
  return { ...DEFAULT_SCOPE, ...(options.processWide !== undefined && { processWide: options.processWide }) }
}

/** Throws unless the value has all these methods. The classes of the libraries are not imported, so not compared. */
export function checkMethods(
  name: string,
  expected: string,
  value: unknown,
  methods: readonly string[],
): void {
  const object = Object(value) as Record<string, unknown>
  if (methods.some(method => typeof object[method] !== 'function'))
    throw invalidArgType(name, expected, value)
}
