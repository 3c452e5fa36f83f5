import { invalidArgType, outOfRange, unknownOption } from './errors.js'

/** Throws unless the value is an object whose own keys are all known options. */
export function checkOptionBag(name: string, value: unknown, known: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidArgType(`"${name}" argument`, 'an object', value)
  }
  for (const option of Object.keys(value)) {
    if (known.includes(option)) continue
    const meant = known.find(candidate => similar(candidate, option))
    throw unknownOption(option, meant, known)
  }
}

/**
 * Returns true if two names are equal but for case and separators, or if one letter was left out, added or replaced, or
 * two neighbouring letters were swapped.
 */
export function similar(one: string, other: string): boolean {
  return similarTo(one)(other)
}

/** Returns {@link similar} for a name that is compared with many. */
export function similarTo(one: string): (other: string) => boolean {
  const a = withoutSeparators(one)
  return other => {
    const b = withoutSeparators(other)
    if (a === b) return true
    if (Math.abs(a.length - b.length) > 1) return false
    const [short, long] = a.length <= b.length ? [a, b] : [b, a]
    let at = 0
    while (at < short.length && short[at] === long[at]) at++
    if (short.length < long.length) return short.slice(at) === long.slice(at + 1)
    const isSwapped = short[at] === long[at + 1] && short[at + 1] === long[at]
    const rest = at + (isSwapped ? 2 : 1)
    return short.slice(rest) === long.slice(rest)
  }
}

function withoutSeparators(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '')
}

/** Throws unless the value is undefined or an integer from `min` to `max`. */
export function checkInteger(name: string, value: unknown, min: number, max: number): void {
  if (value === undefined) return
  if (typeof value !== 'number') throw invalidArgType(`"${name}" option`, 'a number', value)
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(`"${name}" option`, `an integer from ${min} to ${max}`, value)
  }
}

/** Throws unless the value is undefined or a boolean. */
export function checkBoolean(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean') {
    throw invalidArgType(`"${name}" option`, 'a boolean', value)
  }
}

/** Throws unless the value is undefined or a string of 1 to `max` UTF-16 units. */
export function checkString(name: string, value: unknown, max: number): void {
  if (value === undefined) return
  if (typeof value !== 'string') throw invalidArgType(`"${name}" option`, 'a string', value)
  if (value.length < 1 || value.length > max) {
    throw outOfRange(`length of the "${name}" option`, `from 1 to ${max} characters`, value.length)
  }
}
