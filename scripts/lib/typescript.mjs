/**
 * Lets Node.js run TypeScript, in this thread and in the threads that it starts:
 *
 *     node --import ./scripts/lib/typescript.mjs FILE.ts
 */
import * as hooks from 'node:module'
import { load } from './typescript-hook.mjs'

process.setSourceMapsEnabled(true)
// Node.js 20 has no `registerHooks`, and Node.js 26 warns about `register`.
if (hooks.registerHooks) hooks.registerHooks({ load })
else hooks.register('./typescript-hook.mjs', import.meta.url)
