import { BusUnavailable, ConfigInvalid, type NetloomError } from 'netloom/contracts'
import { type Broker, placeOf } from './brokers.ts'

/**
 * What a failed first connection means: a broker that is not there may come (BusUnavailable); one that does not want us
 * as the flags describe us will not change its mind (ConfigInvalid).
 */
export function connectFailure(
  error: Error & { code?: unknown },
  broker: Broker,
  virtualHost: string,
  tls: boolean,
): NetloomError {
  const where = placeOf(broker)
  const { message } = error
  const code = typeof error.code === 'string' ? error.code : ''
  if (message.includes('ACCESS_REFUSED - Login')) {
    const hint = broker.user === 'guest' ? '; guest may log in only from the machine of the broker' : ''
    return refused('rabbit_userid', `RabbitMQ at ${where} refuses user ${broker.user} with the given password${hint}`)
  }
  // The broker closes what it does not let in; amqplib keeps the reason to itself.
  if (message.includes('Expected ConnectionOpenOk')) {
    const remedy = `make it with \`rabbitmqctl add_vhost ${virtualHost}\` and \`rabbitmqctl set_permissions\``
    const what = `has no virtual host ${virtualHost} that user ${broker.user} may enter`
    return refused('rabbit_virtual_host', `RabbitMQ at ${where} ${what}: ${remedy}`)
  }
  if (error.code === 403) {
    const what = `lets user ${broker.user} make no queues in virtual host ${virtualHost}`
    return refused('rabbit_userid', `RabbitMQ at ${where} ${what}: give rights with \`rabbitmqctl set_permissions\``)
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'EPROTO')
    return refused('rabbit_use_ssl', `what listens at ${where} speaks no TLS: is it the port for TLS (mostly 5671)?`)
  if (/CERT|SIGNED|SIGNATURE|ISSUER/.test(code))
    return refused('kombu_ssl_ca_certs', `the certificate of RabbitMQ at ${where} is not trusted: ${message}`)
  if (/^ERR_(OSSL|SSL)/.test(code)) return refused('kombu_ssl_certfile', `TLS with ${where} fails: ${message}`)
  if (message.includes('Socket closed abruptly')) {
    const hint = tls ? 'does it ask for a certificate of ours?' : 'does it want TLS (rabbit_use_ssl)?'
    return new BusUnavailable({ where, reason: `it hung up during the greeting; ${hint}` })
  }
  return new BusUnavailable({ where, reason: code || message })
}

/** The configuration error of one flag; the value is left out, it may be a secret. */
function refused(flag: string, message: string): NetloomError {
  return new ConfigInvalid({ problems: [{ level: 'error', flag, value: null, file: null, line: null, message }] })
}
