/** Writes the declarations that `lib` needs beside the code. Those of each entry are of CommonJS, as the code is. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const IMPORT = /\b(?:from|import)\s*\(?'(\.[^']+)\.js'/g

/** Writes the declarations of an entry. `exports` are the names that its code exports. */
export function declare({ name, exports, modules, output }) {
  copyDeclarations(name, modules, join(output, 'types'))
  const text = exports.includes('default')
    ? functionDeclarations(readFileSync(join(modules, `${name}.d.ts`), 'utf8'))
    : `export * from './types/${name}.js'\n`
  writeFileSync(join(output, `${name}.d.ts`), text)
}

/** Returns the declarations of an entry that is a function, for code in which `require()` returns that function. */
function functionDeclarations(text) {
  const [, exported] = text.match(/^export default function (\w+)/m)
  const types = [...text.matchAll(/^export interface (\w+)/gm)].map(([, type]) => type)
  const declarations = text
    .replaceAll("from './", "from './types/")
    .replace(`export { ${exported} as 'module.exports' };\n`, '')
    .replaceAll(/^export (?:default )?(?=function|interface)/gm, 'declare ')
  const members = [...types, `${exported} as default`].join(', ')
  return `${declarations}declare namespace ${exported} { export { ${members} } }\nexport = ${exported};\n`
}

/** Copies the declarations of a module, and of those that it imports. */
function copyDeclarations(name, from, to) {
  const target = join(to, `${name}.d.ts`)
  if (existsSync(target)) return
  mkdirSync(dirname(target), { recursive: true })
  cpSync(join(from, `${name}.d.ts`), target)
  for (const [, imported] of readFileSync(target, 'utf8').matchAll(IMPORT)) {
    copyDeclarations(join(dirname(name), imported), from, to)
  }
}
