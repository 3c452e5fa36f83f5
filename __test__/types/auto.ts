/** The types of `tls-resumption/auto`: it exports nothing. */
import { expectTypeOf } from 'expect-type'
import type * as auto from 'tls-resumption/auto'

expectTypeOf<keyof typeof auto>().toEqualTypeOf<never>()
