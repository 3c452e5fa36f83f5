import { coded } from '../util/errors.js'
import type { Native } from './addon-api.js'
import loaded from './load-addon.cjs'
import { whyUnavailable } from './platform.js'

function addonOrThrow(): Native {
  if (loaded.addon !== undefined) return loaded.addon as Native
  throw coded(
    new Error(`The native addon of tls-resumption could not be loaded: ${whyUnavailable(loaded)}`, {
      cause: loaded.errors[0],
    }),
    'ERR_TLS_RESUMPTION_ADDON',
  )
}

export const native: Native = addonOrThrow()
