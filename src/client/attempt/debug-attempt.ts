import { debug, isDebugging } from '../../util/log.js'

/** Writes a line to the debug log. `id` names the connection. */
export function debugAttempt(id: number, format: string, ...values: unknown[]): void {
  if (isDebugging) debug(`%d: ${format}`, id, ...values)
}
