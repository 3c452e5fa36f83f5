/** Imports the given module and prints the outcome as JSON. It is plain JavaScript, so that it runs with --no-addons. */
try {
  await import(process.argv[2])
  console.log(JSON.stringify({ loaded: true }))
} catch (error) {
  console.log(
    JSON.stringify({
      loaded: false,
      name: error.name,
      code: error.code,
      message: error.message,
      cause: error.cause instanceof Error ? error.cause.message : null,
    }),
  )
}
