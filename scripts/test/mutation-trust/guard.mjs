/** What the lists of guards are made of. */

/** @typedef {{ file: string, take: string, leave: string, test: string, needs?: boolean }} Guard */

/** @returns {Guard} `needs`: whether this Node.js has what the guard is against. */
export const guard = (file, take, leave, test, needs = true) => ({ file, take, leave, test, needs })

/** An option that goes into a digest by being on a list. */
export const listed = (file, test, options) =>
  options.map(option => guard(file, `\n  '${option}',`, '', test.replace('OPTION', option)))
