/** Returns what this thread has loaded beyond Node.js: scripts, and in the main thread addons of the process. */
export function loadedFiles(): string[]
