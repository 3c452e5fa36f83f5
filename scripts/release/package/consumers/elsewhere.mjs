// Finds out how far the package gets on runtimes that are not Node.js. Some never emit a session, so the wait is
// bounded.
const seen = {}
const { log } = console
const tell = () => {
  log(JSON.stringify(seen))
  process.exit()
}
try {
  const { connect, SessionCache } = await import('tls-resumption')
  seen.loads = true
  const cache = new SessionCache({ max: 10 })
  cache.set('key', Buffer.from('blob'))
  seen.caches = cache.get('key')?.toString() === 'blob'
  setTimeout(tell, 10_000)
  const { resume } = await import('./resume.mjs')
  console.log = text => Object.assign(seen, { resumes: text })
  await resume({ connect, SessionCache })
} catch (error) {
  seen.error = `${error.code ?? error.name}: ${error.message}`
}
tell()
