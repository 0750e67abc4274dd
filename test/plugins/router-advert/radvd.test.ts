import type { Logger, NetworkRow } from 'netloom/contracts'
import { aNetwork, silentLogger } from 'netloom/testing'
import { expect, test } from 'vitest'
import radvd, { RadvdRouterAdvert } from '../../../plugins/router-advert/radvd.ts'

const flags = { use_ipv6: true, networks_path: '/n' }
const six = { cidr_v6: 'fd00:0:0:64::/64', gateway_v6: 'fd00:0:0:64::1' }

/** What it says, and what it warns of. */
function serve(values: Partial<NetworkRow>, forwards = true, own: Partial<typeof flags> = {}) {
  const told: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => void told.push(message) }
  const driver = new RadvdRouterAdvert({ ...flags, ...own }, logger)
  return { resources: driver.serve(aNetwork(values), 'br100', 'fa:16:3e:00:00:01', forwards), told }
}

function configOf(...args: Parameters<typeof serve>): string {
  return serve(...args)
    .resources.flatMap((each) => (each.kind === 'file' ? each.content : []))
    .join('')
}

test('a network has one daemon, whose words depend on nothing but the device: a change of the file is a reload (defects-linux-net C10)', () => {
  const [address, file, ...rest] = serve(six).resources
  expect(address).toEqual({ kind: 'address', device: 'br100', cidr: 'fe80::f816:3eff:fe00:1/64' })
  expect(file).toMatchObject({ kind: 'file', path: '/n/netloom-br100.radvd', mode: 0o644, reloads: 'radvd br100' })
  const words = ['--config=/n/netloom-br100.radvd', '--pidfile=/n/netloom-br100.radvd-pid']
  expect(rest).toEqual([
    {
      kind: 'daemon',
      name: 'radvd br100',
      argv: ['radvd', ...words, '--logmethod=syslog'],
      environment: {},
      pidFile: '/n/netloom-br100.radvd-pid',
    },
    { kind: 'accept-icmpv6', device: 'br100', types: [133] },
  ])
  expect(serve({ ...six, cidr_v6: 'fd00:0:0:65::/64', mtu: 1400 }, false).resources.slice(2)).toEqual(rest)
})

test('the whole file', () => {
  expect(configOf(six)).toBe(`interface br100
{
  AdvSendAdvert on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 10;
  AdvDefaultLifetime 180;
  prefix fd00:0:0:64::/64
  {
    AdvOnLink on;
    AdvAutonomous on;
    AdvValidLifetime 86400;
    AdvPreferredLifetime 14400;
  };
};
`)
})

test.each<[string, Partial<NetworkRow>, boolean, readonly string[]]>([
  ['the MTU of the network (lessons E2)', { ...six, mtu: 1400 }, true, ['  AdvLinkMTU 1400;']],
  ['a host that leads nowhere', six, false, ['  AdvDefaultLifetime 0;']],
])('%s is told', (_, values, forwards, lines) => {
  const plain = configOf(six).split('\n')
  const more = configOf(values, forwards)
    .split('\n')
    .filter((line) => !plain.includes(line))
  expect(more).toEqual(lines)
})

test.each<[string, Partial<NetworkRow>, Partial<typeof flags>, readonly string[]]>([
  ['IPv6 is not served', six, { use_ipv6: false }, []],
  ['the network has none', {}, {}, []],
  [
    'guests could make no address of the prefix (lessons F2)',
    { ...six, cidr_v6: 'fd00::/80' },
    {},
    ['guests make IPv6 addresses of a /64 only, so fd00::/80 is not advertised: make the network anew with a /64'],
  ],
])('nothing is advertised where %s', (_, values, own, warnings) => {
  expect(serve(values, true, own)).toEqual({ resources: [], told: warnings })
})

test.each(['123', 'on', 'prefix'])('a device called %s, which its file cannot name, is told', (device) => {
  const told: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => void told.push(message) }
  const driver = new RadvdRouterAdvert(flags, logger)
  expect(driver.serve(aNetwork(six), device, 'fa:16:3e:00:00:01', true)).toEqual([])
  const reason = `radvd cannot name the device ${device}, so nothing is advertised on it`
  expect(told).toEqual([`${reason}: give the network a bridge of another name`])
})

test('the program is needed with use_ipv6 only', () => {
  const programs = typeof radvd.programs === 'function' ? radvd.programs : () => radvd.programs
  expect(programs({ ...flags, use_ipv6: false })).toEqual({})
  expect(programs(flags)).toEqual({ radvd: 'radvd' })
})
