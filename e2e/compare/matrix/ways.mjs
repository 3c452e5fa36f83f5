/**
 * The ways to connect, in groups. Each has a name, a server if it is not the echo, and `run`, which makes one visit.
 * Whatever an application could notice goes into the record of `t`: see world.mjs.
 */

import { changes } from './ways/changes.mjs'
import { clients } from './ways/clients.mjs'
import { crowds } from './ways/crowds.mjs'
import { endings } from './ways/endings.mjs'
import { endpoints } from './ways/endpoints.mjs'
import { forms } from './ways/forms.mjs'
import { listeners } from './ways/listeners.mjs'
import { negotiation } from './ways/negotiation.mjs'
import { sessions } from './ways/sessions.mjs'
import { streams } from './ways/streams.mjs'
import { transports } from './ways/transports.mjs'
import { trust } from './ways/trust.mjs'

export const ways = [
  ...forms,
  ...endpoints,
  ...trust,
  ...changes,
  ...negotiation,
  ...sessions,
  ...endings,
  ...streams,
  ...transports,
  ...listeners,
  ...clients,
  ...crowds,
]
