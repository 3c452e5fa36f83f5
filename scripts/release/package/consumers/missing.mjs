// Runs after an installation with --omit=optional: the import fails with one sentence.
try {
  await import('tls-resumption')
} catch ({ code, message }) {
  console.log(JSON.stringify({ code, message }))
}
