/** Loads `connection.ts`, by a literal `require`, which bundlers and tracers follow. */
type Connection = typeof import('./connection.js', { with: { 'resolution-mode': 'import' }})

function loadConnection(): Connection {
  return require('./connection.js')
}

export = { loadConnection: loadConnection as () => Connection }
