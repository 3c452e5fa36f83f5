/** Finds out what a process has loaded. In JavaScript, so that a program of Node alone can use it at its end. */
import { Session } from 'node:inspector'
import { isMainThread } from 'node:worker_threads'

/**
 * Returns what this thread has loaded beyond Node.js: URLs and paths of its scripts, and in the main thread paths of the
 * addons of the process.
 *
 * Attaches a debugger for the time of the call, which makes code slower. Call it when everything is measured.
 */
export function loadedFiles() {
  const files = new Set()
  const session = new Session()
  session.connect()
  session.on('Debugger.scriptParsed', ({ params }) => files.add(params.url))
  // Reports the scripts that were parsed before, too.
  session.post('Debugger.enable')
  session.disconnect()
  const addons = isMainThread ? process.report.getReport().sharedObjects.filter(isAddon) : []
  return [...[...files].filter(url => /^(?:file:\/\/)?\//.test(url)), ...addons]
}

function isAddon(path) {
  return path.endsWith('.node')
}
