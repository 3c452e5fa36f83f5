import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import test from 'ava'
import { type SessionKeyOptions, sessionKey } from 'tls-resumption'
import { CONTEXT_OPTIONS } from '../../dist/key/context-digest.js'
import { KEYED_OPTIONS } from '../../dist/key/options.js'

const base: SessionKeyOptions = { host: 'db.example', port: 5432 }
const check = (name: string) => (name ? undefined : new Error('no name'))
const otherCheck = (host: string) => (host ? undefined : new Error('no host'))

/** For each option, a value that is not what the base has. */
const CHANGED: Record<string, unknown> = {
  // What makes up the context.
  allowPartialTrustChain: true,
  ca: 'CA',
  cert: 'CERT',
  certificateCompression: ['zlib'],
  ciphers: 'ECDHE-RSA-AES128-GCM-SHA256',
  clientCertEngine: 'engine',
  crl: 'CRL',
  dhparam: 'DH',
  ecdhCurve: 'P-384',
  honorCipherOrder: true,
  key: 'KEY',
  maxVersion: 'TLSv1.2',
  minVersion: 'TLSv1.3',
  passphrase: 'secret',
  pfx: Buffer.from('PFX'),
  privateKeyEngine: 'engine',
  privateKeyIdentifier: 'id',
  secureOptions: 1,
  secureProtocol: 'TLSv1_2_method',
  sessionIdContext: 'context',
  sessionTimeout: 10,
  sigalgs: 'ecdsa_secp256r1_sha256',
  ticketKeys: Buffer.alloc(48, 1),
  // The other options that decide which peer it is and what is verified.
  checkServerIdentity: check,
  host: 'db2.example',
  minDHSize: 2048,
  path: '/run/db.sock',
  port: 5433,
  rejectUnauthorized: false,
  secureContext: tls.createSecureContext(),
  servername: 'other.example',
  cachePartition: 'tenant',
}

for (const [option, value] of Object.entries(CHANGED)) {
  test(`${option}: a change of nothing else changes the key`, t => {
    const key = sessionKey({ ...base, [option]: value })
    t.is(typeof key, 'string')
    t.not(key, sessionKey(base))
    t.is(key, sessionKey({ ...base, [option]: value }), 'and the same value gives the same key')
    // A CA that is given counts also by being given.
    if (typeof value === 'string')
      t.not(key, sessionKey({ ...base, [option]: `${value}2` }), 'and so does another value')
  })
}

test('no keyed option is missing from these tests', t => {
  const tested = [...Object.keys(CHANGED), 'socket']
  t.deepEqual(
    [...CONTEXT_OPTIONS, ...KEYED_OPTIONS].filter(option => !tested.includes(option)),
    [],
  )
})

for (const option of [
  'DEFAULT_CIPHERS',
  'DEFAULT_ECDH_CURVE',
  'DEFAULT_MIN_VERSION',
  'DEFAULT_MAX_VERSION',
] as const) {
  test.serial(`tls.${option}, which stands in for an option left out, is part of the key`, t => {
    const before = sessionKey(base)
    const settings = tls as unknown as Record<string, string>
    const value = settings[option] as string
    t.teardown(() => {
      settings[option] = value
    })
    settings[option] = option.endsWith('VERSION') ? (value === 'TLSv1.2' ? 'TLSv1.1' : 'TLSv1.2') : 'changed'
    t.not(sessionKey(base), before)
    settings[option] = value
    t.is(sessionKey(base), before)
  })
}

test.serial('NODE_TLS_REJECT_UNAUTHORIZED counts as the option it stands for', t => {
  const strict = sessionKey(base)
  t.teardown(() => {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
  })
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
  t.is(sessionKey(base), sessionKey({ ...base, rejectUnauthorized: false }))
  t.is(sessionKey({ ...base, rejectUnauthorized: true }), strict)
  // Node takes an own property of undefined for strict.
  t.is(sessionKey({ ...base, rejectUnauthorized: undefined }), strict)
})

const testDefaultCas = 'setDefaultCACertificates' in tls ? test.serial : test.serial.skip

testDefaultCas('another default for the CA certificates is another key', t => {
  const { setDefaultCACertificates, getCACertificates } = tls as unknown as {
    setDefaultCACertificates(certificates: readonly string[]): void
    getCACertificates(type: string): readonly string[]
  }
  const before = sessionKey(base)
  const certificates = getCACertificates('default')
  setDefaultCACertificates(certificates.slice(0, 5))
  t.not(sessionKey(base), before)
  setDefaultCACertificates(certificates)
  t.is(sessionKey(base), before)
})

test.serial('a replaced tls.createSecureContext makes connections uncacheable, since it may add CAs', t => {
  const before = sessionKey(base)
  const { createSecureContext } = tls
  t.teardown(() => {
    tls.createSecureContext = createSecureContext
  })
  tls.createSecureContext = options => createSecureContext(options)
  t.is(sessionKey(base), undefined)
  tls.createSecureContext = createSecureContext
  t.is(sessionKey(base), before)
})

test.serial('a replaced tls.checkServerIdentity is another key', t => {
  const before = sessionKey(base)
  const { checkServerIdentity } = tls
  t.teardown(() => {
    tls.checkServerIdentity = checkServerIdentity
  })
  tls.checkServerIdentity = () => undefined
  t.not(sessionKey(base), before)
})

test('session key: server names count byte for byte, as Node compares them', t => {
  t.not(sessionKey({ ...base, servername: 'DB.example' }), sessionKey({ ...base, servername: 'db.example' }))
})

test('session key: a secret counts by its content, and is not in the key', t => {
  const one = sessionKey({ ...base, key: Buffer.from('private'), passphrase: 'hunter2' })
  t.is(one, sessionKey({ ...base, key: Buffer.from('private'), passphrase: 'hunter2' }))
  t.not(one, sessionKey({ ...base, key: Buffer.from('privat2'), passphrase: 'hunter2' }))
  t.false(one?.includes('hunter2') || one?.includes('private'))
})

test('a CA file replaced in place and read again is another key', t => {
  const file = Buffer.from('OLD CA')
  const before = sessionKey({ ...base, ca: file })
  file.write('NEW CA')
  t.not(sessionKey({ ...base, ca: file }), before)
})

test('an object changed in place is another key', t => {
  const key = { pem: 'KEY', passphrase: 'a' }
  const before = sessionKey({ ...base, key: [key] })
  t.is(sessionKey({ ...base, key: [key] }), before)
  key.passphrase = 'b'
  t.not(sessionKey({ ...base, key: [key] }), before)
})

test('bytes that another thread can change are read each time', t => {
  const ca = new Uint8Array(new SharedArrayBuffer(4)) as never
  const before = sessionKey({ ...base, ca })
  t.is(sessionKey({ ...base, ca }), before)
  ;(ca as Uint8Array)[0] = 1
  t.not(sessionKey({ ...base, ca }), before)
})

test('session key: bytes and their text differ, however often each is given', t => {
  const keyOf = (ca: string | Buffer | (string | Buffer)[]) => sessionKey({ ...base, ca })
  const inputs = () => ['PEM', Buffer.from('PEM'), ['PEM'], [Buffer.from('PEM')], ['PEM', Buffer.from('')]]
  const keys = inputs().map(keyOf)
  t.is(new Set(keys).size, keys.length)
  for (let round = 0; round < 3; round++) t.deepEqual(inputs().map(keyOf), keys)
})

test('a list changed in place is another key', t => {
  const ca = ['a', 'b']
  const listed = sessionKey({ ...base, ca })
  ca.push('c')
  t.not(sessionKey({ ...base, ca }), listed)
})

test('session key: options that are used again have the same key, also after others', t => {
  const keyOf = (n: number) => sessionKey({ ...base, ca: [`ca ${n}`], key: `key ${n}` })
  const first = Array.from({ length: 20 }, (_, n) => keyOf(n))
  t.is(new Set(first).size, 20)
  t.deepEqual(
    Array.from({ length: 20 }, (_, n) => keyOf(n)),
    first,
  )
})

test('session key: long bundles of certificates count to their ends', t => {
  const bundle = 'x'.repeat(100_000)
  t.not(sessionKey({ ...base, ca: `${bundle}a` }), sessionKey({ ...base, ca: `${bundle}b` }))
  t.is(sessionKey({ ...base, ca: `${bundle}a` }), sessionKey({ ...base, ca: `${bundle}a` }))
})

test('values cannot be shifted from one option or list item to the next', t => {
  t.not(sessionKey({ ...base, cert: 'ab', key: 'c' }), sessionKey({ ...base, cert: 'a', key: 'bc' }))
  t.not(sessionKey({ ...base, ca: ['ab', 'c'] }), sessionKey({ ...base, ca: ['a', 'bc'] }))
  t.not(
    sessionKey({ ...base, ca: 'a', cert: ['b'], crl: [] }),
    sessionKey({ ...base, ca: ['a', 'b'], cert: [] }),
  )
  t.not(sessionKey({ ...base, ca: ['a,b'] }), sessionKey({ ...base, ca: ['a', 'b'] }))
  t.not(sessionKey({ ...base, secureOptions: 1 }), sessionKey({ ...base, secureOptions: '1' as never }))
  t.not(
    sessionKey({ ...base, cachePartition: 'a', servername: 'b' }),
    sessionKey({ ...base, cachePartition: 'b', servername: 'a' }),
  )
})

test('session key: the passphrase of each client key counts', t => {
  const keys = (passphrase: string) => [{ pem: 'KEY', passphrase }]
  t.not(sessionKey({ ...base, key: keys('a') }), sessionKey({ ...base, key: keys('b') }))
  t.is(sessionKey({ ...base, key: keys('a') }), sessionKey({ ...base, key: keys('a') }))
})

test('two functions, or two contexts, are never one', t => {
  t.not(
    sessionKey({ ...base, checkServerIdentity: check }),
    sessionKey({ ...base, checkServerIdentity: otherCheck }),
  )
  // Made before either is watched, so that both have had the same number of changes.
  const [one, other] = [tls.createSecureContext(), tls.createSecureContext()]
  t.not(sessionKey({ ...base, secureContext: one }), sessionKey({ ...base, secureContext: other }))
})

test('a checkServerIdentity written inline, new at each call, makes the connection not cacheable', t => {
  const call = () =>
    sessionKey({ ...base, checkServerIdentity: (host: string) => (host ? undefined : new Error('inline')) })
  call() // the first of its text could still be a lasting one
  t.is(call(), undefined)
  t.is(call(), undefined)
})

test('a lasting checkServerIdentity made by a factory is cacheable once it is seen again', t => {
  const pin = (fingerprint: string) => () => (fingerprint ? undefined : new Error('pin'))
  pin('warm-up')
  const [a, b] = [pin('a'), pin('b')]
  const key = (fn: () => Error | undefined) => sessionKey({ ...base, checkServerIdentity: fn })
  key(a)
  key(b)
  t.is(typeof key(a), 'string')
  t.is(typeof key(b), 'string')
  t.not(key(a), key(b))
})

test('cachePartition: an inline checkServerIdentity stays uncacheable with it', t => {
  const call = () =>
    sessionKey({
      ...base,
      cachePartition: 'tenant',
      checkServerIdentity: (host: string) => (host ? undefined : new Error('in a partition')),
    })
  call() // the first of its text could still be a lasting one
  t.is(call(), undefined)
})

test('a pre-shared key, or a demand for an OCSP response, makes the connection not cacheable', t => {
  t.is(sessionKey({ ...base, pskCallback: () => null }), undefined)
  t.is(sessionKey({ ...base, requestOCSP: true }), undefined)
})

test('a value of another type than an option has, which Node is about to refuse, is in no key', t => {
  t.is(sessionKey({ ...base, servername: Object('db.example') }), undefined)
  t.is(sessionKey({ ...base, minDHSize: new Date() as never }), undefined)
})

test('ALPN, which is negotiated afresh, is left out', t => {
  t.is(sessionKey({ ...base, ALPNProtocols: ['h2'] }), sessionKey(base))
})

test('a cachePartition that is wrong is refused', t => {
  t.throws(() => sessionKey({ ...base, cachePartition: 5 as never }), { code: 'ERR_INVALID_ARG_TYPE' })
  t.throws(() => sessionKey({ ...base, cachePartition: '' }), { code: 'ERR_OUT_OF_RANGE' })
  t.throws(() => sessionKey({ ...base, cachePartition: 'x'.repeat(257) }), { code: 'ERR_OUT_OF_RANGE' })
})

test('the key a worker computes is the same, identities excepted', async t => {
  const keys = await new Promise<string[]>((resolve, reject) => {
    const worker = new Worker(new URL('../workers/keys.ts', import.meta.url))
    worker.once('message', resolve).once('error', reject)
  })
  t.is(keys[0], sessionKey(base))
  t.not(keys[1], sessionKey({ ...base, checkServerIdentity: check }), 'a function never crosses threads')
})

test('the endpoint is readable in the key, and the key is one the cache takes', t => {
  t.regex(sessionKey(base) ?? '', /^tcp:db\.example:5432 [\w-]{43}$/)
  const long = sessionKey({ ...base, host: 'ü'.repeat(5000) }) ?? ''
  t.true(Buffer.byteLength(long) <= 4096)
})
