import { describe, expect, test } from 'vitest'
import { brokersOf, placeOf } from '../../../../drivers/rpc/amqp/brokers.ts'
import amqp from '../../../../drivers/rpc/amqp/index.ts'

const flags = {
  rabbit_host: 'h',
  rabbit_port: 5672,
  rabbit_hosts: [],
  rabbit_userid: 'u',
  rabbit_password: 'p',
  rabbit_virtual_host: '/v',
  transport_url: null,
}
const broker = { host: 'h', port: 5672, user: 'u', password: 'p' }

test('flags name one broker, or several', () => {
  expect(brokersOf(flags)).toEqual({ list: [broker], virtualHost: '/v' })
  expect(brokersOf({ ...flags, rabbit_hosts: ['a', 'b:1', '[::1]:2'] }).list).toEqual([
    { ...broker, host: 'a' },
    { ...broker, host: 'b', port: 1 },
    { ...broker, host: '::1', port: 2 },
  ])
})

test.each([
  ['rabbit://me:x@b:1/vh', [{ host: 'b', port: 1, user: 'me', password: 'x' }], 'vh'],
  ['rabbit://me:x@b', [{ host: 'b', port: 5672, user: 'me', password: 'x' }], '/'],
  ['rabbit://b:1/', [{ ...broker, host: 'b', port: 1 }], '/'],
  ['rabbit://b//', [{ ...broker, host: 'b' }], '/'],
  ['rabbit://me:p%40%3a:%2F@b/a%2Fb', [{ host: 'b', port: 5672, user: 'me', password: 'p@::/' }], 'a/b'],
  [
    'rabbit://a:1@b:1,c:2@[::1]:2/v',
    [
      { host: 'b', port: 1, user: 'a', password: '1' },
      { host: '::1', port: 2, user: 'c', password: '2' },
    ],
    'v',
  ],
])('%s', (transport_url, list, virtualHost) => {
  expect(brokersOf({ ...flags, transport_url })).toEqual({ list, virtualHost })
})

describe('flags that are wrong are found before anything is opened, and secrets are not said', () => {
  const { transport_url, rabbit_hosts } = amqp.options
  test.each([
    ['qpid://me:hush@b/', /rabbit:\/\/USER/],
    ['rabbit://me:hush@/', /host:port/],
    ['rabbit://me:hush@b:123456/', /host:port/],
    ['rabbit://me:hush%@b/', /hexadecimal/],
  ])('transport_url = %s', (url, want) => {
    expect(() => transport_url!.parse([url])).toThrow(want)
    expect(() => transport_url!.parse([url])).not.toThrow(/hush/)
  })

  test.each(['b:x', 'b:1:2', 'b@c', 'b:70000', '::1'])('rabbit_hosts = %s', (text) => {
    expect(() => rabbit_hosts!.parse([text])).toThrow(TypeError)
  })

  test.each([
    [{ control_exchange: 'amq.x' }, 'control_exchange'],
    [{ control_exchange: '' }, 'control_exchange'],
    [{ kombu_ssl_certfile: '/c' }, 'belong together'],
  ])('%o', (wrong, want) => {
    const right = { control_exchange: 'netloom', kombu_ssl_certfile: null, kombu_ssl_keyfile: null }
    expect(amqp.check(right)).toEqual([])
    expect(amqp.check({ ...right, ...wrong })).toEqual([expect.stringContaining(want)])
  })

  test('passwords are secrets', () => {
    const secrets = Object.keys(amqp.options).filter((name) => amqp.options[name]!.secret)
    expect(secrets.sort()).toEqual(['rabbit_password', 'transport_url'])
  })
})

test('a place is written without a password', () => {
  expect([placeOf(broker), placeOf({ ...broker, host: '::1' })]).toEqual(['h:5672', '[::1]:5672'])
})
