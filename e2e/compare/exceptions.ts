/** What differs with `auto` and stays so: five at most, each with its reason. */

export interface Exception {
  /** Matches the line of a finding, such as `matrix · newListener · TLSv1.3 · cold: …`. */
  finding: RegExp
  reason: string
}

export const MAX_EXCEPTIONS = 5

export const EXCEPTIONS: readonly Exception[] = []
