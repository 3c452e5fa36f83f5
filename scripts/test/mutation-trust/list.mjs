/**
 * Every guard of trust, how to take it out, and the tests that are to fail then. The rows of the tables in SECURITY.md
 * come first, by the beginning of each; a row without a guard here is an error.
 *
 * A guard is: the file of `src` it is in, its text there, what stands in its place when it is gone, and a test that
 * notices, as `file › title`, where `*` stands for anything.
 */
import tls from 'node:tls'
import { guard, listed } from './guard.mjs'
import { SERVER_GUARDS } from './servers.mjs'

const CHANGED = 'key-inputs › OPTION, changed alone, changes the key'
const canChangeDefaultCas = 'setDefaultCACertificates' in tls

/** @type {Record<string, import('./guard.mjs').Guard[]>} */
export const GUARDS = {
  // ── SECURITY.md: Resuming must not weaken verification
  'the chain, against `ca`': [
    guard(
      'key/context-digest.ts',
      "\n  'ca',",
      '',
      'trust › *: a session made while trusting another CA does not authorize',
    ),
    ...listed('key/context-digest.ts', CHANGED, ['allowPartialTrustChain', 'crl']),
    guard(
      'key/context-digest.ts',
      `\`default:\${defaultCaDigest()}\``,
      "'default'",
      'key-inputs › another default for the CA certificates is another key',
      canChangeDefaultCas,
    ),
    guard(
      'key/context-digest.ts',
      'options.ca ? undefined : defaultCa()',
      'undefined',
      'key-inputs › another default for the CA certificates is another key',
      canChangeDefaultCas,
    ),
    guard(
      'key/context-digest.ts',
      'if (inputs.some(isObject)) return undefined',
      '',
      'key-inputs › a CA file replaced in place and read again is another key',
    ),
    guard(
      'client/shared-contexts.ts',
      'contexts.get(digest)',
      "contexts.get('any') ?? contexts.get([...contexts.entries()][0]?.[0] ?? '')",
      'trust › *: a session made while trusting another CA does not authorize',
    ),
  ],
  'the verdict where verification was off': [
    guard(
      'key/session-key.ts',
      '\n    isStrict(options),',
      '',
      'key-inputs › rejectUnauthorized, changed alone, changes the key',
    ),
    guard(
      'key/session-key.ts',
      "process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0'",
      'true',
      'key-inputs › NODE_TLS_REJECT_UNAUTHORIZED counts as the option it stands for',
    ),
    guard(
      'client/reverify.ts',
      ': !verification.strict',
      ': true',
      'reverify › *: a session whose chain was not verified is not offered by who verifies',
    ),
  ],
  'the dates and names of the certificate': [
    guard(
      'client/reverify.ts',
      ' && now <= validTo',
      '',
      'reverify › *: a certificate that has expired since*',
    ),
    guard(
      'client/reverify.ts',
      'validFrom <= now && ',
      '',
      'reverify › a certificate that is not valid yet*',
    ),
    guard(
      'client/reverify.ts',
      ' && isNamed(leaf, verification)',
      '',
      'reverify › *: a checkServerIdentity that has changed its mind is asked again',
    ),
    guard(
      'client/reverify.ts',
      ' && isNamed(leaf, verification)',
      '',
      'reverify › *: a session whose certificate has another name is not offered',
    ),
    guard(
      'client/reverify.ts',
      'checkServerIdentity.call(options, hostname, certificate)',
      'checkServerIdentity(hostname, certificate)',
      'reverify › a checkServerIdentity is asked as a method of the options*',
    ),
    guard(
      'client/reverify.ts',
      'if (checkServerIdentity !== pureCheck) return check()',
      '',
      'reverify › *: a checkServerIdentity that has changed its mind is asked again',
    ),
    guard(
      'client/reverify.ts',
      'isBuiltin(tls.checkServerIdentity) ? tls.checkServerIdentity : undefined',
      'tls.checkServerIdentity',
      'builtin-functions › a check in the place of the default one is asked before each session is offered',
    ),
    guard(
      'client/reverify.ts',
      'leaf.certificate.toLegacyObject()',
      '((leaf as any).shown ??= leaf.certificate.toLegacyObject())',
      'reverify › a check may do what it likes to the certificate it is shown',
    ),
    guard(
      'client/reverify.ts',
      'return undefined\n  }\n}\n\nfunction isValid',
      'return new X509Certificate(session.subarray(facts.leafStart, facts.leafEnd))\n  }\n}\n\nfunction isValid',
      'reverify › a checkServerIdentity that throws on the bare leaf means a full handshake',
    ),
  ],
  'the host name': [
    guard(
      'key/session-key.ts',
      '\n    options.servername || undefined,',
      '',
      'key-endpoints › a host is told from the same name sent as server name',
    ),
    guard(
      'key/session-key.ts',
      '\n    hostnameOf(options),',
      '',
      'key-endpoints › what is verified is told apart where the way there is the same',
    ),
    guard(
      'key/session-key.ts',
      'return servername || host ||',
      'return host ||',
      'connect › TLS 1.3 tickets resume, without one*',
    ),
  ],
  '`checkServerIdentity`': [
    guard(
      'key/session-key.ts',
      '\n    check,',
      '',
      'trust › *: a pinning checkServerIdentity is asked about a peer met without it',
    ),
    guard(
      'key/function-identity.ts',
      `\`\${thread}/\${++count}\``,
      `\`\${++count}\``,
      'function-identity › the first function of one thread*',
    ),
    guard(
      'key/function-identity.ts',
      'return isInline ? undefined : token',
      'return token',
      'key-inputs › a checkServerIdentity written inline, new at each call, makes the connection not cacheable',
    ),
    guard(
      'key/permissive-check.ts',
      'return CONSTANT.test(',
      'return true || CONSTANT.test(',
      'permissive-check › may object*',
    ),
    guard(
      'key/session-key.ts',
      ' : callbackToken(check)',
      ' : String(check)',
      'partitions › TLSv1.?: of two closures of one text each is asked, *',
    ),
    guard(
      'key/function-identity.ts',
      'return target === original ? token : identityToken(target)',
      'return known',
      "function-identity › what replaces one of Node's functions is known by itself alone",
    ),
  ],
  'the check of the name, for lenient callers': [
    guard(
      'client/attempt.ts',
      'if (facts.verified !== socket.authorized) return',
      '',
      'trust › *: a lenient caller who looks at authorized is told the truth every time',
    ),
  ],
  "the client's own certificate": [
    guard(
      'key/session-key.ts',
      '\n    context,\n    partition',
      '\n    partition',
      "trust › *: one client certificate's session is not used with another, or with none",
    ),
    ...listed('key/context-digest.ts', CHANGED, [
      'cert',
      'clientCertEngine',
      'key',
      'passphrase',
      'pfx',
      'privateKeyEngine',
      'privateKeyIdentifier',
    ]),
  ],
  'an OCSP response': [
    guard(
      'key/session-key.ts',
      ' || options.requestOCSP',
      '',
      'session-provenance › *: a session of ours is not offered where an OCSP*',
    ),
    guard('key/session-key.ts', 'options.pskCallback || ', '', 'key-inputs › a pre-shared key*'),
  ],
  'what a package that replaces `tls.createSecureContext`': [
    guard(
      'key/context-digest.ts',
      '  if (!areContextsBuiltin()) return undefined\n',
      '',
      'context-digest › TLSv1.?, connect(): a CA that a wrapper adds is trusted no longer than it adds it',
    ),
    guard(
      'key/context-digest.ts',
      '  if (!areContextsBuiltin()) return undefined\n',
      '',
      'context-digest › TLSv1.?, install() before the wrapper: no tenant is taken for one whose certificate a wrapper added',
    ),
    guard(
      'node/builtin-functions.ts',
      'return isOwn\n',
      'return true\n',
      'builtin-functions › a thread that injects another CA is not led to trust by the sessions of one that does not',
    ),
  ],
  'the strength asked for': [
    ...listed('key/context-digest.ts', CHANGED, [
      'certificateCompression',
      'ciphers',
      'dhparam',
      'ecdhCurve',
      'honorCipherOrder',
      'maxVersion',
      'minVersion',
      'secureOptions',
      'secureProtocol',
      'sessionIdContext',
      'sessionTimeout',
      'sigalgs',
      'ticketKeys',
    ]),
    guard('key/session-key.ts', '\n    options.minDHSize,', '', CHANGED.replace('OPTION', 'minDHSize')),
    guard(
      'key/context-digest.ts',
      'encode(value ?? tls.DEFAULT_CIPHERS)',
      'encode(value)',
      'install › contexts made under other defaults are other ones',
    ),
    guard(
      'key/context-digest.ts',
      'inputs.push(tls.DEFAULT_CIPHERS, ',
      'inputs.push(',
      'install › contexts made under other defaults are other ones',
    ),
    ...['ECDH_CURVE', 'MIN_VERSION', 'MAX_VERSION'].flatMap(name => [
      guard(
        'key/context-digest.ts',
        `encode(value ?? tls.DEFAULT_${name})`,
        'encode(value)',
        `key-inputs › tls.DEFAULT_${name}, which stands in for an option left out, is part of the key`,
      ),
      guard(
        'key/context-digest.ts',
        `, tls.DEFAULT_${name}`,
        '',
        `key-inputs › tls.DEFAULT_${name}, which stands in for an option left out, is part of the key`,
      ),
    ]),
  ],

  // ── SECURITY.md: Servers
  'a ticket of a client that one name trusts': [
    guard(
      'server/server-identity.ts',
      'if (isSafe) return',
      'return',
      "tickets-trust › *: a ticket of one name's client authorizes at another name with Node alone, not with us",
    ),
    guard(
      'server/server-identity.ts',
      ' || !hasContextsByName(server)) return undefined',
      ' || server !== undefined) return undefined',
      "tickets-trust › *: a ticket of one name's client authorizes at another name with Node alone, not with us",
    ),
    guard(
      'server/server-identity.ts',
      'if (hasPskCallback(server)) {',
      'if (server === undefined) {',
      'server-identity › a server with pre-shared keys keeps no sessions, so that each client proves its own',
    ),
    guard(
      'server/server-identity.ts',
      'if (this.#applied === undefined || !isIn(this.#server, this.#applied)) this.#apply()',
      '',
      'server-identity › requestCert, switched on later, counts for sessions from before',
    ),
  ],
  'the same where a name with another CA is added': [
    guard(
      'server/server-identity.ts',
      "server.prependListener('connection', keepUp)",
      '',
      'tickets-trust › contexts by name that come after all else count from the next connection on',
    ),
  ],
  'where `requestCert` is on and `rejectUnauthorized` off': [
    guard(
      'server/server-identity.ts',
      'verifyAgain(socket)\n',
      '{}\n',
      'tickets-trust › a client without a certificate is no more authorized when it resumes, where certificates are optional',
      Number.parseInt(process.versions.node, 10) < 24,
    ),
  ],
  'with shared keys, a TLS 1.3 ticket got without a certificate': listed(
    'server/server-identity.ts',
    'server-identity › OPTION of a server, changed alone, changes its sessionIdContext',
    [
      'requestCert',
      'rejectUnauthorized',
      'crl',
      'ciphers',
      'dhparam',
      'ecdhCurve',
      'maxVersion',
      'minVersion',
      'secureOptions',
      'secureProtocol',
      'sigalgs',
    ],
  ).concat(
    guard(
      'server/server-identity.ts',
      'server.ca ? encode(server.ca) : defaultCaDigest(),\n',
      '',
      'server-identity › ca of a server, changed alone, changes its sessionIdContext',
    ),
  ),
  'with shared keys, a ticket of one server': [
    guard(
      'server/server-identity.ts',
      '\n      identityOf(server.cert),',
      '',
      'tickets-trust › a ticket of one server name opens no server of another one',
    ),
  ],

  // ── The rest of what SECURITY.md says of clients
  'nothing is kept of a connection that was refused': [
    guard(
      'client/attempt.ts',
      'if (verification.strict && !socket.authorized) return\n',
      '',
      'trust › *: nothing is kept of a peer that was refused',
    ),
    guard(
      'client/attempt.ts',
      'if (socket.destroyed ||',
      'if (',
      'caller-session › *: nothing is kept of a peer that the secureConnect listener turns away',
    ),
    guard(
      'client/attempt.ts',
      'this.#socket.destroyed) return\n    const ticket',
      'false) return\n    const ticket',
      'tls12-renewal › it is not kept of a peer that the secureConnect listener turns away',
    ),
    guard(
      'client/attempt.ts',
      'process.nextTick(() => this.#keepRenewed())',
      'this.#keepRenewed()',
      'tls12-renewal › it is not kept of a peer that the secureConnect listener turns away',
    ),
  ],
  'nothing is kept of a connection that was given a session by its caller': [
    guard(
      'client/attempt.ts',
      'if (this.isForeign) return\n    const { cache',
      'const { cache',
      'caller-session › *: nothing is kept even if the server refuses the session of the caller',
    ),
    guard(
      'client/attempt.ts',
      '      this.isForeign = true\n',
      '',
      'caller-session › *: nothing is kept even if the server refuses the session of the caller',
    ),
    guard(
      'client/attempt.ts',
      'if (!this.#isFree) return false\n    try',
      'try',
      'caller-session › *: a session that the caller sets wins over one of ours, which is not spent',
    ),
    guard(
      'client/connect.ts',
      'if (options.session) {',
      'if (options.session === null) {',
      'connect › a null or undefined session is ignored',
    ),
    guard(
      'client/attempt.ts',
      'this.isForeign ? undefined : this.#given?.leaf',
      'this.#given?.leaf',
      'resumed-socket › *: nothing of ours is told for a session that the caller sets',
    ),
  ],
  'a session that a library kept is ours to offer or not': [
    guard(
      'client/connect.ts',
      'if (!options.session || !isOurs(options.session)) return options',
      'return options',
      'session-provenance › *: a session of ours is not offered under other terms of trust',
    ),
    guard(
      'auto/install.ts',
      'if (!options.session || !isSessionOfAgent(options)) return withoutOurs(options)',
      'return withoutOurs(options)',
      'install › an agent that has sessions from before comes to offer ours',
    ),
    guard(
      'auto/install.ts',
      "socket.on('session', session => noteEmitted('', session))",
      '',
      'install › a session that a library kept of a connection that is not resumed does not win later',
    ),
  ],
  'nor is one of which nothing is kept': [
    guard(
      'client/attempt.ts',
      '    noteEmitted(key, session)\n',
      '',
      'install › a session that a library kept of a connection of which nothing is kept does not win later',
    ),
  ],
  'a context that was changed, or could be, is not what it was made from': [
    guard(
      'key/context-origin.ts',
      '  origins.delete(native)\n',
      '',
      'install › a peer met with a changed context does not authorize without it',
    ),
    guard(
      'key/context-origin.ts',
      '  changes.set(native, countChanges(native) + 1)\n',
      '',
      'install › each change of a context makes it another one',
    ),
    guard(
      'key/context-origin.ts',
      'return values && contextDigest(values)',
      'return contextDigest({ ...options })',
      'install › a peer met with an inherited CA does not authorize without it',
    ),
    guard(
      'key/canonical-encoding.ts',
      'if (depth < MAX_DEPTH && isPlain(value)) {',
      'if (depth < MAX_DEPTH) {',
      'shared-contexts › an object that could change unseen is neither cacheable nor shared',
    ),
    guard(
      'key/context-origin.ts',
      '  watchMethods(native, recordChange)\n',
      '',
      'context-origin › TLSv1.?: connect() notices a changed context when nothing was ever installed',
    ),
    guard(
      'key/context-origin.ts',
      '  if (typeof native !==',
      '  if (native) return native\n  if (typeof native !==',
      'context-origin › TLSv1.?: install() notices a changed context that was made before it',
    ),
    guard(
      'key/context-origin.ts',
      '${identityToken(native)}/',
      'a context/',
      'key-inputs › two functions, or two contexts, are never one',
    ),
  ],
  'where a connection goes': [
    guard(
      'key/session-key.ts',
      'if (known && isSame(known.inputs, inputs))',
      'if (known)',
      'key-inputs › rejectUnauthorized, changed alone, changes the key',
    ),
    guard(
      'key/session-key.ts',
      '\n    ...leg,',
      '',
      'key-endpoints › what is too long to be read in the key counts all the same',
    ),
    guard(
      'key/session-key.ts',
      "return 'over-tls'",
      "return 'over-tcp'",
      'key-endpoints › the leg to a proxy*',
    ),
    guard(
      'key/session-key.ts',
      'return isNamed ? ',
      'return true ? ',
      'key-endpoints › a stream that cannot say where it leads is not cacheable unless somebody names the peer',
    ),
    guard(
      'key/session-key.ts',
      '\n    partition,\n    era',
      '\n    era',
      CHANGED.replace('OPTION', 'cachePartition'),
    ),
    guard(
      'client/adapters/https-agent.ts',
      'return partition === undefined ? name',
      'return true ? name',
      'agent-pooling › requests with different partitions share no kept-alive connection',
    ),
  ],
  'a purge': [
    guard(
      'key/session-key.ts',
      '\n    era.tag,',
      '',
      'purge › a purge holds in all threads at once, in whichever it was done',
    ),
    guard(
      'client/attempt.ts',
      "if (era.isOver) return 'no-session'",
      '',
      'purge › *: a connection under way offers nothing, and nothing is kept of it',
    ),
    guard(
      'client/attempt.ts',
      'if (era.isOver) return\n',
      '',
      'purge › *: a connection under way offers nothing, and nothing is kept of it',
    ),
    guard(
      'client/shared-contexts.ts',
      'onPurge(() => contexts.clear())',
      '',
      'purge › contexts that connections share are made anew',
    ),
  ],
  'how long, and how often': [
    guard(
      'client/attempt.ts',
      ' || facts.lifetime === 0) return',
      ') return',
      'strict-peer › TLS 1.3: a peer that says a lifetime of 0',
    ),
    guard(
      'client/attempt.ts',
      'ttl: facts.lifetime,',
      'ttl: 0,',
      'connect-lifetime › a session lives no longer than the hint of its peer',
    ),
    guard(
      'client/attempt.ts',
      'reusable: !isTls13,',
      'reusable: true,',
      'connect › with singleUse no ticket is offered twice',
    ),
  ],
  'a session that cannot be used breaks no connection': [
    guard(
      'node/handshake-gate.ts',
      ' > 0\n}',
      ' < 0\n}',
      'single-flight › *: who has written before us, and so begun, does not wait',
    ),
    guard(
      'client/attempt.ts',
      'if (!isSecure || isRefused) dropSessions(cache, key)',
      '',
      'fallback › a peer that hangs up on being offered a session is not offered it again',
    ),
    guard(
      'client/attempt.ts',
      'if (!isSecure || isRefused) dropSessions(cache, key)',
      'if (!isSecure) dropSessions(cache, key)',
      'fallback › a session whose connection ended in an error before the peer said a word is not offered again',
    ),
    guard(
      'client/attempt.ts',
      "if (!mayOffer(key)) return 'backed-off'\n",
      '',
      'fallback › after three failures in a row a peer is left alone, though it has sessions',
    ),
    guard(
      'client/attempt.ts',
      '(this.#isReused ? resumed : refused)(resumption.key)',
      'resumed(resumption.key)',
      'strict-peer › TLS 1.3: a peer that refuses everything is offered nothing after a while',
    ),
    guard(
      'client/attempt.ts',
      '(error || isHanging)',
      'error',
      'handshake-failure › a peer that says nothing until the caller gives up has failed',
    ),
  ],
  'what is left alone': [
    guard(
      'auto/install.ts',
      ' || options.maxCachedSessions === 0',
      '',
      'install › an agent that is told to cache no sessions does not resume',
    ),
    guard(
      'auto/rollout.ts',
      ': peer.port === OFF_PORT) return false',
      ': false) return false',
      'install › the port of SQL Server is left alone, unless it is named',
    ),
    guard(
      'auto/rollout.ts',
      'if (excluded.some(matches => matches(peer))) return false',
      '',
      'install › when exclude names the host, a connection does not resume',
    ),
  ],
  'a session lent to a socket is wiped': [
    guard(
      'client/attempt.ts',
      'own.fill(0)',
      '',
      'caller-session › the session that a socket over another one keeps is a copy of its own, and wiped',
    ),
    guard(
      'native/scratch-buffer.ts',
      '    borrowedNow--\n    fillBytes.call(blob, 0)\n',
      '    borrowedNow--\n',
      'scratch-buffer › *',
    ),
  ],
  'what the probe believes, and shows': [
    guard(
      'probe/examination.ts',
      'strict: !options.insecure',
      'strict: false',
      'probe-failures › a certificate of an unknown authority, for another name, or that has expired',
    ),
    guard(
      'probe/examination.ts',
      'this.#makeContext(ca === undefined ? {} : { ca })',
      'this.#makeContext(this.#assignment.options.credentials)',
      'probe-findings › whoever answers under another name is shown no client certificate',
    ),
    guard(
      'probe/starttls.ts',
      'if (this.#bytes.length > 0)',
      'if (false)',
      'probe-starttls › *: what comes behind the consent and before TLS may be somebody else’s',
    ),
    guard(
      'probe/failures.ts',
      ".replace(/[^\\x20-\\x7e]/g, '?')",
      '',
      'probe-failures › what a peer says cannot give orders to the terminal',
    ),
  ],

  ...SERVER_GUARDS,
}
