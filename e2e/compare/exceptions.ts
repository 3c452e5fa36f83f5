/** What differs with `auto` and stays so: five at most, each with its reason. README.md has the same list. */

export interface Exception {
  /** Matches the line of a finding. */
  finding: RegExp
  reason: string
}

export const MAX_EXCEPTIONS = 5

export const EXCEPTIONS: readonly Exception[] = [
  {
    finding: /^node\d+ · parallel\/test-https-agent-checkserveridentity-reuse\.js/,
    reason:
      'The test expects that the first connection of a new Agent does not resume. With `auto` it does, by a session that ' +
      'an earlier Agent left behind.',
  },
  {
    finding:
      /^matrix · node2[02] · logs\.server .*auto \["client undefined, authorized true, null"\]\n +in(;? client certificate optional · TLSv1\.3 · \w+)+$/,
    reason:
      'Servers of Node.js 20 and 22 call a client without a certificate authorized when it resumes with TLS 1.3. Any ' +
      'client that resumes shows this fault, which Node.js 24 has mended.',
  },
  {
    finding: /^node\d+ · parallel\/test-https-agent-session-reuse\.js/,
    reason:
      'The test expects the Agent to offer the newest of two valid TLS 1.3 tickets each time. With `auto` each ticket is ' +
      'offered once before one is offered again. All connections resume.',
  },
  {
    finding:
      /^matrix · node2[02] · secureConnect: getPeerX509Certificate\(\) from \d: plain \[\{.*\}\], auto \[\]/,
    reason:
      'A server sent its root. On Node.js 20 and 22 `getPeerX509Certificate()` removes the chain from the connection, so ' +
      'what was sent cannot be read without a change for the application. `getPeerCertificate(true)` has the root.',
  },
]
