/** The program of the newest release of a major version of Node.js. It is installed once, under target. */
export function nodeProgram(major: number | string): string
