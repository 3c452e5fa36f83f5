/** Returns the path of the newest release of a major version of Node.js. Installs it once, under target. */
export function nodeProgram(major: number | string): string
