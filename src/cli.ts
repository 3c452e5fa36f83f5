#!/usr/bin/env node
/** The command `tls-resumption`. */
const CANNOT_RUN = 4

// The reader of a pipe may end early, as in `tls-resumption probe … | head -1`.
process.stdout.on('error', () => process.exit(0))

async function run(): Promise<number> {
  try {
    // Imported here: a missing addon is reported in a sentence as well.
    const args = process.argv.slice(2)
    if (args[0] === 'cache') {
      const { cacheCommand } = await import('./cache-command/main.js')
      return cacheCommand(args.slice(1))
    }
    const { main } = await import('./probe/main.js')
    return await main(args)
  } catch (error) {
    process.stderr.write(`tls-resumption: ${error instanceof Error ? error.message : error}\n`)
    return CANNOT_RUN
  }
}

run().then(code => {
  process.exitCode = code
})
