// Opens a cache in a file, and prints how many milliseconds that took.
import { SessionCache } from 'tls-resumption'

// The addon is loaded at the first use.
new SessionCache()
const began = performance.now()
new SessionCache({ path: process.argv[2] })
console.log(performance.now() - began)
