import { isMet, type Target } from './result.ts'

/** Keeps the reason only where the target is missed and there is something to explain. */
export function judged({ reason, ...target }: Target): Target {
  return isMet(target) || reason === undefined ? target : { ...target, reason }
}
