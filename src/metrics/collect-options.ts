import { invalidArgType } from '../util/errors.js'
import { checkBoolean, checkInteger, checkOptionBag } from '../util/validate.js'
import { DEFAULT_SCOPE, type Scope } from './instruments.js'
import { PeerLabels } from './peer-labels.js'

/** Options of {@link collect} and {@link collectOpenTelemetry}. */
export interface CollectOptions {
  /**
   * Adds the label `peer` to the metrics of client connections, `tcp:db.example:5432`, and limits its values. The peers of
   * the first connections have a value each, and all further ones have the value `other`. Each peer adds about 50 time
   * series. From 0 to 1000; 0 means no label.
   * @defaultValue 0
   */
  maxPeers?: number | undefined
  /**
   * True to also report what all threads of the process share: caches and keys of rings with a name or a path. Exactly one
   * thread of a process should report them, and it must have them open. All threads report their own connections and
   * events, and their caches and rings with neither.
   * @defaultValue true in the main thread, false in workers
   */
  processWide?: boolean | undefined
}

const OPTIONS: readonly string[] = ['maxPeers', 'processWide'] satisfies (keyof CollectOptions)[]

/** Validates the options and returns the scope that they mean. */
export function checkCollectOptions(options: CollectOptions): Scope {
  checkOptionBag('options', options, OPTIONS)
  const { maxPeers, processWide } = options
  checkInteger('maxPeers', maxPeers, 0, 1000)
  checkBoolean('processWide', processWide)
  return {
    ...DEFAULT_SCOPE,
    ...(processWide !== undefined && { processWide }),
    ...(maxPeers && { peers: new PeerLabels(maxPeers) }),
  }
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
