import { coreOptions, definePlugin, option, rpcBackendSlot } from 'netloom/contracts'
import { brokersOf, hostsOption, transportOption } from './brokers.ts'

/** `rpc_backend = amqp`: RabbitMQ, for clouds of many machines. */
export default definePlugin({
  name: 'amqp',
  summary: 'RabbitMQ, for the services and commands of many machines',
  provides: rpcBackendSlot,
  contract: '1.0',
  options: {
    host: coreOptions.host,
    rpc_response_timeout: coreOptions.rpc_response_timeout,
    rabbit_host: option.text({ default: 'localhost', help: 'Host of the RabbitMQ broker' }),
    rabbit_port: option.port({ default: 5672, help: 'Port of the RabbitMQ broker; with TLS brokers use 5671' }),
    rabbit_hosts: hostsOption({
      help: 'Several brokers of a cluster, tried in turn, in place of rabbit_host and rabbit_port',
    }),
    rabbit_userid: option.text({ default: 'guest', help: 'User at the broker' }),
    rabbit_password: option.text({ default: 'guest', secret: true, help: 'Password at the broker' }),
    rabbit_virtual_host: option.text({ default: '/', help: 'Virtual host at the broker' }),
    transport_url: transportOption({
      help: 'rabbit://USER:PASSWORD@HOST:PORT/VIRTUAL_HOST in place of the rabbit_* flags for them; several brokers as USER:PASSWORD@HOST:PORT,USER:PASSWORD@HOST:PORT',
    }),
    rabbit_retry_interval: option.seconds({
      default: 1,
      min: 1,
      help: 'Longest time between two attempts to reach a broker that went away',
    }),
    rabbit_use_ssl: option.boolean({ default: false, help: 'Connect with TLS' }),
    kombu_ssl_ca_certs: option.optionalText({
      help: 'File with the certificates of authorities that may vouch for the broker; empty: those of the system',
    }),
    kombu_ssl_certfile: option.optionalText({ help: 'File with our certificate, for brokers that ask for one' }),
    kombu_ssl_keyfile: option.optionalText({ help: 'File with the key of our certificate' }),
    control_exchange: option.text({
      default: 'netloom',
      help: 'What all names at the broker begin with; clouds that share a virtual host need one each',
    }),
  },
  check({ control_exchange, kombu_ssl_certfile, kombu_ssl_keyfile }) {
    const problems = []
    if (!/^(?!amq\.)[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(control_exchange))
      problems.push('control_exchange must be 1 to 63 letters, digits, ".", "_" or "-", and not begin with amq.')
    if ((kombu_ssl_certfile === null) !== (kombu_ssl_keyfile === null))
      problems.push('kombu_ssl_certfile and kombu_ssl_keyfile belong together: give both or neither')
    return problems
  },
  async create({ flags, logger }) {
    const { AmqpRpc } = await import('./amqp-rpc.ts')
    const { readTls } = await import('./tls.ts')
    return AmqpRpc.open({
      brokers: brokersOf(flags),
      tls: flags.rabbit_use_ssl ? await readTls(flags) : null,
      retryMs: flags.rabbit_retry_interval * 1000,
      prefix: flags.control_exchange,
      host: flags.host,
      timeoutMs: flags.rpc_response_timeout * 1000,
      logger,
    })
  },
  dispose: (rpc) => rpc.close(),
})
