/** Imports the module that it is given and prints as JSON how that went. Plain JavaScript: it runs without addons. */
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
