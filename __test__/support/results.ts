/** Invented results of a benchmark, for the tests of reports. */
import type { Result } from '../../benchmark/lib/result.ts'

const about = (median: number) => ({ median, low: median * 0.9, high: median * 1.2 })

export const sampleResult: Result = {
  name: 'sample',
  command: 'npm run bench:sample -- --rounds 20',
  date: '2001-02-03',
  commit: '0123abc',
  machine: {
    cpu: 'No CPU at all @ 0 GHz',
    cpus: 2,
    memory: '8 GiB',
    system: 'Linux 0.0',
    load: [0.1, 0.2, 0.3],
  },
  versions: { node: '0.0.0', openssl: '0.0.0', rust: '0.0' },
  tables: [
    {
      id: 'handshakes',
      title: 'Reconnects of clients that bring a certificate, resumed and not, by what resumes them',
      columns: [
        { title: 'peer' },
        { title: 'resumption' },
        { title: 'CPU of both ends', unit: 'µs' },
        { title: 'of full', digits: 2 },
        { title: 'full handshakes' },
      ],
      rows: [
        ['RSA, TLS 1.3, client certificate', 'Node alone', about(4812), 1, 960],
        ['', 'a JavaScript cache in each thread, as drivers have', about(2801), about(0.58), 32],
        ['', 'tls-resumption', about(1234), about(0.26), 8],
        ['ECDSA, TLS 1.2', 'Node alone', about(2120), 1, 960],
        ['', 'a JavaScript cache in each thread, as drivers have', about(1105), about(0.52), 32],
        ['', 'tls-resumption', about(640), about(0.3), 8],
      ],
      samples: '20 interleaved rounds of 48 connections',
      remark: 'With **ECDSA** a server saves little: `tls-resumption` cannot change that. <b>Not</b> markup.',
      chart: { x: 'peer', y: 'CPU of both ends', series: 'resumption' },
    },
    {
      id: 'gc',
      title: 'A full garbage collection with 1M sessions',
      columns: [{ title: 'cache' }, { title: 'full GC', unit: 'ms', digits: 1 }, { title: 'note' }],
      rows: [
        ['an empty process', 4.31, ''],
        ['tls-resumption', 4.7, ''],
        ['lru-cache with ttl', 1560, 'values on the heap'],
        ['not measured', null, 'no room'],
      ],
      samples: '',
      chart: { x: 'cache', y: 'full GC', logarithmic: true },
    },
    {
      id: 'words',
      title: 'A table without a picture',
      columns: [{ title: '' }, { title: 'value' }],
      rows: [['a', 1]],
      samples: 'one round',
    },
  ],
  targets: [
    { figure: 'resumed / full, RSA on 1.3', atMost: 0.35, value: about(0.26) },
    {
      figure: 'take+set, 1 thread, of quick_cache',
      atLeast: 1,
      value: about(0.8),
      reason: 'The wipe costs a fifth.',
    },
    { figure: 'filled in', atMost: 2, value: 1.2, unit: 's' },
  ],
}
