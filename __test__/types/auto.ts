/** The types of `tls-resumption/auto`: it exports nothing but what every CommonJS module does to those who import it. */
import { expectTypeOf } from 'expect-type'
import type * as auto from 'tls-resumption/auto'

expectTypeOf<Exclude<keyof typeof auto, 'default'>>().toEqualTypeOf<never>()
