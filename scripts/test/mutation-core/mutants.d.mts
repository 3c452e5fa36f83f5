export interface Mutant {
  name: string
  file: string
  from: string | RegExp
  to: string
  by: string[]
  loom?: boolean
}
export const mutants: Mutant[]
export function made(mutant: Mutant, text: string): string
