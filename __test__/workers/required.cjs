/** Requires and imports the package, and prints whether both give the same working module. */
const required = require('tls-resumption')

const cache = new required.SessionCache({ name: 'by require' }).set('peer', Buffer.from('a session'))
console.log(`require: ${cache.get('peer')}`)

import('tls-resumption').then(imported => {
  console.log(`the same module: ${imported === required}`)
  console.log(`the same memory: ${new imported.SessionCache({ name: 'by require' }).get('peer')}`)
  console.log(`exports: ${Object.keys(required).sort().join(' ')}`)
})
