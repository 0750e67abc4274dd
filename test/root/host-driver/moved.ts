/** Addresses and routes that an operator gave to a device of a namespace. */
import { execFileSync } from 'node:child_process'

const LINES = [
  'address add 192.0.2.7/24 broadcast 192.0.2.255 dev eth1',
  'address add 192.0.2.8/24 dev eth1 label eth1:1',
  'address add 198.51.100.7/24 dev eth1 valid_lft 3600 preferred_lft 1800 noprefixroute',
  'address add 10.9.0.1 peer 10.9.0.2/32 dev eth1',
  'address add 2001:db8::7/64 dev eth1 nodad',
  'address add 2001:db8:1::7/64 dev eth1 valid_lft 3600 preferred_lft 1800 noprefixroute mngtmpaddr nodad',
  'route add default via 192.0.2.1 dev eth1',
  'route add default via 192.0.2.2 dev eth1 metric 200 proto static src 192.0.2.8 mtu 1400',
  'route add 198.51.100.0/24 dev eth1 proto dhcp scope link src 198.51.100.7 metric 100',
  'route add 100.64.0.0/16 nexthop via 192.0.2.1 dev eth1 nexthop via 192.0.2.2 dev eth1 weight 3',
  'route add 203.0.113.0/24 via 172.31.0.1 dev eth1 onlink table 100',
  'route add 2001:db8:5::/48 via 2001:db8::1 dev eth1 src 2001:db8::7 metric 512',
  'route add ::/0 via fe80::1 dev eth1 proto ra metric 1024 expires 1700 pref high',
  'route append ::/0 via fe80::2 dev eth1 proto ra metric 1024 expires 1700',
  'route add ::/0 dev eth1 metric 3000',
]

/** Makes `eth1`, a pair with `eth1` of another namespace, and gives it all kinds of addresses and routes. */
export function makeBusyDevice(namespace: string, peer: string): void {
  execFileSync('ip', ['-n', namespace, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'eth1', 'netns', peer])
  const far = ['link set dev lo up', 'link set dev eth1 up', 'address add 192.0.2.1/24 dev eth1']
  batch(peer, [...far, 'address add 2001:db8::1/64 dev eth1 nodad'])
  batch(namespace, ['link set dev lo up', 'link set dev eth1 up', ...LINES])
}

export function batch(namespace: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', namespace, '-batch', '-'], { input: lines.map((line) => `${line}\n`).join('') })
}

/**
 * All that leads over a device, a line each, for comparing: neither its name nor the time that is left.
 * Link-local IPv6 and what the kernel keeps for itself are left out.
 */
export function carriedLines(namespace: string, device: string): readonly string[] {
  const read = (...args: readonly string[]) =>
    JSON.parse(execFileSync('ip', ['-n', namespace, '-j', '-d', ...args], { encoding: 'utf8' })) as Fact[]
  const addresses = read('address', 'show', 'dev', device).flatMap(({ addr_info }) => addr_info as Fact[])
  const routes = read('route', 'show', 'table', 'all').filter((route) => JSON.stringify(route).includes(`"${device}"`))
  return [
    ...addresses.filter(({ family, scope }) => family === 'inet' || scope !== 'link'),
    ...routes.filter(({ table, dst }) => table !== 'local' && dst !== 'fe80::/64'),
  ].map((fact) => normal(fact, device))
}

type Fact = Readonly<Record<string, unknown>>

function normal(fact: Fact, device: string): string {
  const text = JSON.stringify(fact, (key, value: unknown) => {
    // A lifetime without end is kept apart from one that passes.
    if (['valid_life_time', 'preferred_life_time', 'expires'].includes(key))
      return value === 4_294_967_295 ? 'ever' : 'some'
    if (key === 'flags') return (value as string[]).filter((flag) => flag !== 'linkdown')
    return value
  })
  return text.replaceAll(`"${device}`, '"DEV').replaceAll('"nodad":true,', '')
}
