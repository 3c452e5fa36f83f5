#!/usr/bin/env node
/** The command `tls-resumption`. */
const CANNOT_RUN = 4

// A pipe whose reader has seen enough, as in `tls-resumption probe … | head -1`.
process.stdout.on('error', () => process.exit(0))
try {
  // Loaded here, since the addon may be missing, and that too is to be said in a sentence.
  const { main } = await import('./probe/main.js')
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`tls-resumption: ${error instanceof Error ? error.message : error}\n`)
  process.exitCode = CANNOT_RUN
}
