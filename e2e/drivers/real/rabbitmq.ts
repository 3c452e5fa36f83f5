import { versionOf } from '../debian.ts'
import { freePort } from '../processes.ts'
import type { RealServer } from '../site.ts'

/**
 * Erlang resumes TLS 1.2 by session ID. For TLS 1.3 it has to be configured to send tickets, which are used more than
 * once here: `stateless`.
 */
export const rabbitmq: RealServer = {
  name: 'RabbitMQ',
  programs: { 'rabbitmq-server': ['rabbitmq-server'] },
  drivers: ['amqplib'],
  async start(site) {
    const [port, distribution] = [await freePort(), await freePort()]
    const { ca, cert, key } = site.files
    const ssl = `{ssl_options, [{cacertfile, "${ca}"}, {certfile, "${cert}"}, {keyfile, "${key}"},
      {versions, ['tlsv1.3', 'tlsv1.2']}, {session_tickets, stateless}]}`
    const config = site.write(
      'advanced.config',
      `[{rabbit, [{tcp_listeners, []}, {ssl_listeners, [{"127.0.0.1", ${port}}]}, ${ssl}]}].\n`,
    )
    // A host name that needs no lookup, and no port mapper, which would outlive the server.
    const env = {
      RABBITMQ_NODENAME: 'rabbit@localhost',
      RABBITMQ_DIST_PORT: `${distribution}`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-start_epmd false -erl_epmd_port ${distribution}`,
      RABBITMQ_ADVANCED_CONFIG_FILE: config,
      RABBITMQ_MNESIA_BASE: site.mkdir('mnesia'),
      RABBITMQ_LOG_BASE: site.mkdir('logs'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_ENABLED_PLUGINS_FILE: site.write('enabled_plugins', '[].\n'),
      RABBITMQ_PID_FILE: site.path('pid'),
    }
    await site.start(['/usr/lib/rabbitmq/bin/rabbitmq-server'], {
      port,
      env,
    })
    site.relay.to(port)
    return { version: await versionOf('rabbitmq-server'), endpoint: { user: 'guest', password: 'guest' } }
  },
}
