import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openClient } from '../../../core/bin/client.ts'
import amqp from '../../../drivers/rpc/amqp/index.ts'
import { echo, memoryLogger } from '../../drivers/rpc/bus.ts'
import { type Certificates, makeCertificates } from '../../kit-internal/certificates.ts'
import { type PrivateRabbitmq, startPrivateRabbitmq } from '../../kit-internal/private-rabbitmq.ts'
import { type AmqpBus, makeAmqpBus } from './amqp-bus.ts'

let certificates: Certificates
let rabbit: PrivateRabbitmq
let bus: AmqpBus
beforeAll(async () => {
  certificates = await makeCertificates('127.0.0.1')
  rabbit = await startPrivateRabbitmq({ tls: certificates })
  bus = await makeAmqpBus(rabbit.url)
  await (await bus.open('a')).serve('network', 'a', echo)
})
afterAll(async () => {
  await bus.end()
  await rabbit.end()
  await certificates.end()
})

/** The client of the command with these flags, as it opens the bus. */
function open(flags: Readonly<Record<string, string | number>>) {
  const commandLine = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
  const own = [`--rpc_backend=amqp`, `--control_exchange=${bus.prefix}`, '--rabbit_host=127.0.0.1']
  return openClient({ settings: { configFiles: [], environment: {}, commandLine: [...own, ...commandLine] } })
}

async function refusal(flags: Readonly<Record<string, string | number>>) {
  const error = await open(flags).then(
    () => null,
    (e) => e,
  )
  const { code, exit_status, details } = error.toJSON()
  return { code, exit_status, flag: details.problems?.[0].flag, where: details.where, text: JSON.stringify(error) }
}

test.each([
  ['the flags', () => ({ rabbit_port: rabbit.port })],
  ['a URL', () => ({ transport_url: rabbit.url, rabbit_port: 1 })],
  ['a list whose first broker is dead', () => ({ rabbit_hosts: `127.0.0.1:1,127.0.0.1:${rabbit.port}` })],
  ['a URL with several brokers', () => ({ transport_url: `rabbit://x:y@127.0.0.1:1,${rabbit.url.slice(9)}` })],
  [
    'TLS, with its authority',
    () => ({ rabbit_port: rabbit.tlsPort!, rabbit_use_ssl: 'true', kombu_ssl_ca_certs: certificates.ca }),
  ],
])('a client finds the services by %s, and ends', async (_what, flags) => {
  const client = await open(flags())
  expect(await client.api.listHosts()).toMatchObject({ method: 'list_hosts' })
  await client.close()
})

describe('the first connection', () => {
  test.each([
    ['wrong password', () => ({ rabbit_port: rabbit.port, rabbit_password: 'hush' }), 'rabbit_userid'],
    ['wrong user', () => ({ transport_url: rabbit.url.replace('guest:guest', 'me:hush') }), 'rabbit_userid'],
    ['unknown virtual host', () => ({ transport_url: `${rabbit.url}hush` }), 'rabbit_virtual_host'],
    ['no TLS there', () => ({ rabbit_port: rabbit.port, rabbit_use_ssl: 'true' }), 'rabbit_use_ssl'],
    [
      'an authority that is not known',
      () => ({ rabbit_port: rabbit.tlsPort!, rabbit_use_ssl: 'true' }),
      'kombu_ssl_ca_certs',
    ],
    [
      'a file that is missing',
      () => ({ rabbit_port: rabbit.tlsPort!, rabbit_use_ssl: 'true', kombu_ssl_ca_certs: '/no/such' }),
      'kombu_ssl_ca_certs',
    ],
    [
      'one dead broker and one that refuses',
      () => ({ rabbit_hosts: `127.0.0.1:${rabbit.port},127.0.0.1:1`, rabbit_password: 'hush' }),
      'rabbit_userid',
    ],
  ])('%s ends with status 6 and names the flag', async (_what, flags, flag) => {
    const { text, ...rest } = await refusal(flags())
    expect(rest).toMatchObject({ code: 'ConfigInvalid', exit_status: 6, flag })
    if (!_what.includes('virtual host')) expect(text).not.toContain('hush')
  })

  test.each([
    ['nobody there', () => ({ rabbit_port: 1 }), '127.0.0.1:1'],
    ['an unknown name', () => ({ rabbit_host: 'no-such.invalid' }), 'no-such.invalid:5672'],
    ['TLS there', () => ({ rabbit_port: rabbit.tlsPort! }), () => `127.0.0.1:${rabbit.tlsPort}`],
    ['several, all dead', () => ({ rabbit_hosts: '127.0.0.1:1,127.0.0.1:2' }), '127.0.0.1:2'],
  ])('%s ends with status 5 and names the place', async (_what, flags, where) => {
    expect(await refusal(flags())).toMatchObject({
      code: 'BusUnavailable',
      exit_status: 5,
      where: typeof where === 'string' ? where : where(),
    })
  })

  test('one who listens and says nothing is not waited for', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    expect(await refusal({ rabbit_port: port })).toMatchObject({ code: 'BusUnavailable', where: `127.0.0.1:${port}` })
    server.close()
  })

  test('a user who may make nothing is told what to do', async () => {
    await rabbit.control('add_user', 'weak', 'hush')
    await rabbit.control('set_permissions', 'weak', '^$', '.*', '.*')
    const { text, ...rest } = await refusal({ transport_url: rabbit.url.replace('guest:guest', 'weak:hush') })
    expect(rest).toMatchObject({ code: 'ConfigInvalid', exit_status: 6, flag: 'rabbit_userid' })
    expect(text).toContain('rabbitmqctl set_permissions')
  })
})

test('the plugin makes what the contract asks for', async () => {
  const { logger } = memoryLogger()
  const flags = Object.fromEntries(Object.entries(amqp.options).map(([name, { default: value }]) => [name, value]))
  const given = { ...flags, transport_url: rabbit.url, control_exchange: bus.prefix, host: 'b' }
  const rpc = (await amqp.create({ flags: given, services: {}, logger })) as Record<string, unknown>
  for (const method of amqp.provides.methods) expect(typeof rpc[method]).toBe('function')
  await amqp.dispose?.(rpc)
})
