/** Says in words where two records differ. */
import { isDeepStrictEqual } from 'node:util'

export interface Difference {
  /** Such as `logs.client.3`. */
  where: string
  plain: unknown
  auto: unknown
}

/** Returns each innermost place in which two values differ. Lists of text differ as a whole. */
export function differencesOf(plain: unknown, auto: unknown, where = ''): Difference[] {
  if (isDeepStrictEqual(plain, auto)) return []
  if (!isObject(plain) || !isObject(auto)) return [{ where, plain, auto }]
  return [...new Set([...Object.keys(plain), ...Object.keys(auto)])].flatMap(name =>
    differencesOf(plain[name], auto[name], where ? `${where}.${name}` : name),
  )
}

function isObject(value: unknown): value is { [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Returns a difference as one line. Lists are cut to the part that differs. */
export function inWords({ where, plain, auto }: Difference): string {
  if (Array.isArray(plain) && Array.isArray(auto)) {
    const isEqualAt = (index: number) => isDeepStrictEqual(plain[index], auto[index])
    let start = 0
    while (isEqualAt(start)) start++
    let end = 0
    const shorter = Math.min(plain.length, auto.length)
    while (end < shorter - start && isDeepStrictEqual(plain.at(-1 - end), auto.at(-1 - end))) end++
    const cut = (list: unknown[]) => inShort(list.slice(start, list.length - end))
    return `${where} from ${start}: plain ${cut(plain)}, auto ${cut(auto)}`
  }
  return `${where}: plain ${inShort(plain)}, auto ${inShort(auto)}`
}

function inShort(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 240 ? `${text.slice(0, 240)} …` : text
}
