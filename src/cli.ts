#!/usr/bin/env node
/** The command `tls-resumption`. */
const CANNOT_RUN = 4

// The reader of a pipe may end early, as in `tls-resumption probe … | head -1`.
process.stdout.on('error', () => process.exit(0))
try {
  // Imported inside the try block: a missing addon is reported in a sentence as well.
  const { main } = await import('./probe/main.js')
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`tls-resumption: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = CANNOT_RUN
}
