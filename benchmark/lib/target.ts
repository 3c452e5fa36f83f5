import { isMet, type Target } from './result.ts'

/** Keeps the reason only if the target is missed. */
export function judged({ reason, ...target }: Target): Target {
  return isMet(target) || reason === undefined ? target : { ...target, reason }
}
