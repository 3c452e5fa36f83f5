/**
 * The guards that have no annotation yet: those of src/client, which is being rewritten. Each is the file in `src`, the
 * text of the guard, the text without it, and the test that fails then, as `file › title`.
 */

/** @type {Record<string, { file: string, take: string, leave: string, test: string }[]>} */
export const GUARDS = {
  chain: [
    {
      file: 'client/shared-contexts.ts',
      take: 'contexts.get(digest)',
      leave: "contexts.get('any') ?? contexts.get([...contexts.entries()][0]?.[0] ?? '')",
      test: 'trust › *: a session made while trusting another CA does not authorize',
    },
  ],
  'verification-off': [
    {
      file: 'client/reverify.ts',
      take: ': !verification.strict',
      leave: ': true',
      test: 'reverify › *: a session whose chain was not verified is not offered by who verifies',
    },
  ],
  'certificate-dates-and-names': [
    {
      file: 'client/reverify.ts',
      take: ' && now <= validTo',
      leave: '',
      test: 'reverify › *: a certificate that has expired since*',
    },
    {
      file: 'client/reverify.ts',
      take: 'validFrom <= now && ',
      leave: '',
      test: 'reverify › a certificate that is not valid yet*',
    },
    {
      file: 'client/reverify.ts',
      take: ' && isNamed(leaf, verification)',
      leave: '',
      test: 'reverify › *: a checkServerIdentity that has changed its mind is asked again',
    },
    {
      file: 'client/reverify.ts',
      take: ' && isNamed(leaf, verification)',
      leave: '',
      test: 'reverify › *: a session whose certificate has another name is not offered',
    },
    {
      file: 'client/reverify.ts',
      take: 'checkServerIdentity.call(options, hostname, certificate)',
      leave: 'checkServerIdentity(hostname, certificate)',
      test: 'reverify › a checkServerIdentity is asked as a method of the options*',
    },
    {
      file: 'client/reverify.ts',
      take: 'if (checkServerIdentity !== pureCheck) return check()',
      leave: '',
      test: 'reverify › *: a checkServerIdentity that has changed its mind is asked again',
    },
    {
      file: 'client/reverify.ts',
      take: 'isBuiltin(tls.checkServerIdentity) ? tls.checkServerIdentity : undefined',
      leave: 'tls.checkServerIdentity',
      test: 'builtin-functions › a check in the place of the default one is asked before each session is offered',
    },
    {
      file: 'client/reverify.ts',
      take: 'leaf.certificate.toLegacyObject()',
      leave: '((leaf as any).shown ??= leaf.certificate.toLegacyObject())',
      test: 'reverify › a check may do what it likes to the certificate it is shown',
    },
    {
      file: 'client/reverify.ts',
      take: 'return undefined\n  }\n}\n\nfunction isValid',
      leave:
        'return new X509Certificate(session.subarray(facts.leafStart, facts.leafEnd))\n  }\n}\n\nfunction isValid',
      test: 'reverify › a checkServerIdentity that throws on the bare leaf means a full handshake',
    },
  ],
  'lenient-callers': [
    {
      file: 'client/attempt.ts',
      take: 'if (facts.verified !== socket.authorized) return',
      leave: '',
      test: 'trust › *: a lenient caller who looks at authorized is told the truth every time',
    },
  ],
  'rejected-peer': [
    {
      file: 'client/attempt.ts',
      take: 'if (verification.strict && !socket.authorized) return\n',
      leave: '',
      test: 'trust › *: nothing is kept of a peer that was refused',
    },
    {
      file: 'client/attempt.ts',
      take: 'if (socket.destroyed ||',
      leave: 'if (',
      test: 'caller-session › *: nothing is kept of a peer that the secureConnect listener turns away',
    },
    {
      file: 'client/attempt.ts',
      take: 'this.#socket.destroyed) return\n    const ticket',
      leave: 'false) return\n    const ticket',
      test: 'tls12-renewal › it is not kept of a peer that the secureConnect listener turns away',
    },
    {
      file: 'client/attempt.ts',
      take: 'process.nextTick(() => this.#keepRenewed())',
      leave: 'this.#keepRenewed()',
      test: 'tls12-renewal › it is not kept of a peer that the secureConnect listener turns away',
    },
  ],
  'caller-session': [
    {
      file: 'client/attempt.ts',
      take: 'if (this.isForeign) return\n    const { cache',
      leave: 'const { cache',
      test: 'caller-session › *: nothing is kept even if the server refuses the session of the caller',
    },
    {
      file: 'client/attempt.ts',
      take: '      this.isForeign = true\n',
      leave: '',
      test: 'caller-session › *: nothing is kept even if the server refuses the session of the caller',
    },
    {
      file: 'client/attempt.ts',
      take: 'if (!this.#isFree) return false\n    try',
      leave: 'try',
      test: 'caller-session › *: a session that the caller sets wins over one of ours, which is not spent',
    },
    {
      file: 'client/connect.ts',
      take: 'if (options.session) {',
      leave: 'if (options.session === null) {',
      test: 'connect › a null or undefined session is ignored',
    },
    {
      file: 'client/attempt.ts',
      take: 'this.isForeign ? undefined : this.#given?.leaf',
      leave: 'this.#given?.leaf',
      test: 'resumed-socket › *: nothing of ours is told for a session that the caller sets',
    },
  ],
  'library-session': [
    {
      file: 'client/connect.ts',
      take: 'if (!options.session || !isOurs(options.session)) return options',
      leave: 'return options',
      test: 'session-provenance › *: a session of ours is not offered under other terms of trust',
    },
    {
      file: 'client/attempt.ts',
      take: '    noteEmitted(key, session)\n',
      leave: '',
      test: 'install › install: a session of a lenient connection does not authorize a strict one that passes it',
    },
  ],
  endpoint: [
    {
      file: 'client/adapters/https-agent.ts',
      take: 'return partition === undefined ? name',
      leave: 'return true ? name',
      test: 'agent-pooling › requests with different partitions share no kept-alive connection',
    },
  ],
  purge: [
    {
      file: 'client/attempt.ts',
      take: "if (era.isOver) return 'no-session'",
      leave: '',
      test: 'purge › *: a connection under way offers nothing, and nothing is kept of it',
    },
    {
      file: 'client/attempt.ts',
      take: 'if (era.isOver) return\n',
      leave: '',
      test: 'purge › *: a connection under way offers nothing, and nothing is kept of it',
    },
    {
      file: 'client/shared-contexts.ts',
      take: 'onPurge(() => contexts.clear())',
      leave: '',
      test: 'purge › contexts that connections share are made anew',
    },
  ],
  'lifetime-and-use': [
    {
      file: 'client/attempt.ts',
      take: ' || facts.lifetime === 0) return',
      leave: ') return',
      test: 'strict-peer › TLS 1.3: a peer that says a lifetime of 0',
    },
    {
      file: 'client/attempt.ts',
      take: 'ttl: facts.lifetime,',
      leave: 'ttl: 0,',
      test: 'connect-lifetime › a session lives no longer than the hint of its peer',
    },
    {
      file: 'client/attempt.ts',
      take: 'reusable: !isTls13,',
      leave: 'reusable: true,',
      test: 'connect › with singleUse no ticket is offered twice',
    },
  ],
  'offer-back-off': [
    {
      file: 'client/attempt.ts',
      take: 'if (!isSecure || isRefused) dropSessions(cache, key)',
      leave: '',
      test: 'fallback › a peer that hangs up on being offered a session is not offered it again',
    },
    {
      file: 'client/attempt.ts',
      take: 'if (!isSecure || isRefused) dropSessions(cache, key)',
      leave: 'if (!isSecure) dropSessions(cache, key)',
      test: 'fallback › a session whose connection ended in an error before the peer said a word is not offered again',
    },
    {
      file: 'client/attempt.ts',
      take: "if (!mayOffer(key)) return 'backed-off'\n",
      leave: '',
      test: 'fallback › after three failures in a row a peer is left alone, though it has sessions',
    },
    {
      file: 'client/attempt.ts',
      take: '(this.#isReused ? resumed : refused)(resumption.key)',
      leave: 'resumed(resumption.key)',
      test: 'strict-peer › TLS 1.3: a peer that refuses everything is offered nothing after a while',
    },
    {
      file: 'client/attempt.ts',
      take: '(error || isHanging)',
      leave: 'error',
      test: 'handshake-failure › a peer that says nothing until the caller gives up has failed',
    },
  ],
  'wiped-session': [
    {
      file: 'client/attempt.ts',
      take: 'own.fill(0)',
      leave: '',
      test: 'caller-session › the session that a socket over another one keeps is a copy of its own, and wiped',
    },
  ],
}
