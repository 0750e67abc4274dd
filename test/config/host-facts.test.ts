import { expect, test } from 'vitest'
import { hostFacts, type Machine } from '../../config/host-facts.ts'
import { parseCommandLine } from '../../config/sources.ts'

const address = (text: string, more: { family?: 'IPv4' | 'IPv6'; internal?: boolean } = {}) => ({
  ...{ address: text, family: 'IPv4' as const, internal: false, ...more },
})
const machine = (more: Partial<Machine> = {}): Machine => ({
  ...{ hostname: 'node1', uid: 0, home: '/home/u', environment: {}, interfaces: {}, ...more },
})
const user = (environment: Machine['environment']) => machine({ uid: 1000, environment })

test.each<[string, Machine, string[], string, string]>([
  [
    'root',
    machine({ environment: { XDG_STATE_HOME: '/x', XDG_RUNTIME_DIR: '/y' } }),
    [],
    '/var/lib/netloom',
    '/run/netloom',
  ],
  ['root with a state path', machine(), ['--state_path=/s'], '/var/lib/netloom', '$state_path/run'],
  ['a user', user({}), [], '/home/u/.local/state/netloom', '$default_state_path/run'],
  ['a user with XDG folders', user({ XDG_STATE_HOME: '/x', XDG_RUNTIME_DIR: '/y' }), [], '/x/netloom', '/y/netloom'],
  [
    'a user with relative XDG folders',
    user({ XDG_STATE_HOME: 'x', XDG_RUNTIME_DIR: '' }),
    [],
    '/home/u/.local/state/netloom',
    '$default_state_path/run',
  ],
  [
    'a user with $ in a folder',
    user({ XDG_STATE_HOME: '/$x' }),
    ['--state-path=/s'],
    '/$$x/netloom',
    '$state_path/run',
  ],
])('paths of %s', (_, of, commandLine, state, run) => {
  const facts = hostFacts(of, [parseCommandLine(commandLine)])
  expect([facts.default_state_path, facts.default_run_path]).toEqual([state, run])
})

test.each([
  ['no device', {}, '127.0.0.1'],
  ['only lo', { lo: [address('127.0.0.1', { internal: true })] }, '127.0.0.1'],
  ['IPv6 first', { eth0: [address('fe80::1', { family: 'IPv6' }), address('192.0.2.1')] }, '192.0.2.1'],
  ['link-local first', { eth0: [address('169.254.1.1')], eth1: [address('192.0.2.2')], eth2: undefined }, '192.0.2.2'],
])('the primary address with %s', (_, interfaces, expected) => {
  expect(hostFacts(machine({ interfaces }), []).primary_address).toBe(expected)
})
