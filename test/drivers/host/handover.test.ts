import { describe, expect, test } from 'vitest'
import type { Carried, HostResource, HostState, Step } from '../../../core/contracts/index.ts'
import { CommandFailed } from '../../../core/errors/index.ts'
import { describeOperation } from '../../../drivers/host/describe-operation.ts'
import { carriedAddresses, carriedBy } from '../../../drivers/host/linux/carried.ts'
import { hostOperations } from '../../../drivers/host/linux/operations.ts'
import { refusals } from '../../../drivers/host/linux/refusals.ts'
import { runTransaction } from '../../../drivers/host/linux/transaction.ts'

const FOREVER = { valid_life_time: 4_294_967_295, preferred_life_time: 4_294_967_295 }
const shownAddress = (values: object) => JSON.stringify([{ ifname: 'eth1', addr_info: [{ ...FOREVER, ...values }] }])
const everybodys = () => true
const wordsOf = (values: object) => carriedAddresses('eth1', shownAddress(values), everybodys).map(({ words }) => words)
const v4 = { family: 'inet', local: '192.0.2.7', prefixlen: 24, scope: 'global', label: 'eth1' }
const v6 = { family: 'inet6', local: '2001:db8::7', prefixlen: 64, scope: 'global' }

describe('what a device carries', () => {
  test.each<[string, object, readonly string[]]>([
    ['a plain address', v4, ['192.0.2.7/24']],
    ['a secondary one', { ...v4, secondary: true, broadcast: '192.0.2.255' }, ['192.0.2.7/24 broadcast 192.0.2.255']],
    [
      'one by DHCP (defects-linux-net E6)',
      { ...v4, dynamic: true, noprefixroute: true, valid_life_time: 60, preferred_life_time: 30 },
      ['192.0.2.7/24 valid_lft 60 preferred_lft 30 noprefixroute'],
    ],
    ['one with another end', { ...v4, address: '192.0.2.8', prefixlen: 32 }, ['192.0.2.7 peer 192.0.2.8/32']],
    ['one of the link', { ...v4, scope: 'link', metric: 7 }, ['192.0.2.7/24 scope link metric 7']],
    [
      'one by router advertisement',
      { ...v6, dynamic: true, mngtmpaddr: true, valid_life_time: 60, preferred_life_time: 0 },
      ['2001:db8::7/64 valid_lft 60 preferred_lft 0 mngtmpaddr nodad'],
    ],
    ['one that somebody else has: it is asked for again', { ...v6, dadfailed: true }, ['2001:db8::7/64']],
    ['a link-local one is not carried', { ...v6, local: 'fe80::1', scope: 'link' }, []],
  ])('%s', (_what, values, expected) => {
    expect(wordsOf(values)).toEqual(expected)
  })

  test('is not what netloom gave it, nor what another device has', () => {
    expect(carriedAddresses('eth1', shownAddress(v4), (cidr) => cidr !== '192.0.2.7/24')).toEqual([])
    expect(carriedAddresses('eth2', shownAddress(v4), everybodys)).toEqual([])
  })

  const carriedOf = (route: object) => carriedBy('eth1', [], JSON.stringify([{ flags: [], ...route }]))
  test.each<[string, object, string]>([
    [
      'a default route',
      { dst: 'default', gateway: '192.0.2.1', dev: 'eth1', protocol: 'static', scope: 'global', metric: 200 },
      '0.0.0.0/0 via 192.0.2.1 proto static scope global metric 200',
    ],
    [
      'an IPv6 one that passes',
      { dst: 'default', gateway: 'fe80::1', dev: 'eth1', protocol: 'ra', scope: 'global', expires: 9, pref: 'high' },
      '::/0 via fe80::1 proto ra expires 9 pref high',
    ],
    [
      'one of another table and of another kind',
      { type: 'local', dst: '198.51.100.0/24', dev: 'eth1', table: '100', flags: ['onlink'], metrics: [{ mtu: 9 }] },
      'local 198.51.100.0/24 onlink table 100 mtu 9',
    ],
    [
      'one by way of IPv6',
      { dst: '10.0.0.0/8', via: { family: 'inet6', host: 'fe80::1' }, dev: 'eth1' },
      '10.0.0.0/8 via inet6 fe80::1',
    ],
  ])('%s', (_what, route, words) => {
    expect(carriedOf(route).routes.map((each) => each.words)).toEqual([words])
  })

  test.each<[string, object]>([
    ['encap', { dst: '10.0.0.0/8', dev: 'eth1', encap: 'mpls' }],
    ['nhid', { dst: '10.0.0.0/8', dev: 'eth1', nhid: 7 }],
    ['mtu', { dst: '10.0.0.0/8', dev: 'eth1', metrics: [{ mtu: 'lock 9' }] }],
    ['also leads elsewhere', { dst: '10.0.0.0/8', nexthops: [{ dev: 'eth1' }, { dev: 'eth2' }] }],
  ])('with a route that cannot be said again whole (%s) is not moved, and nothing is changed', (part, route) => {
    const carried = carriedOf(route)
    expect(carried.obstacle).toContain(part)
    const resource: HostResource = { kind: 'handover', device: 'eth1', bridge: 'br100', carried }
    const steps: Step[] = [{ verb: 'add', owner: 'o', resource }]
    const [refusal] = refusals(steps, { resources: new Map(), namespaces: new Set() })
    expect(refusal?.message).toContain(`10.0.0.0/8`)
  })
})

const carried: Carried = {
  addresses: [
    { cidr: '192.0.2.7/24', words: '192.0.2.7/24' },
    { cidr: '192.0.2.8/24', words: '192.0.2.8/24', label: ':1' },
  ],
  routes: [
    { destination: 'default', words: '0.0.0.0/0 via 192.0.2.1' },
    { destination: '::/0', words: '::/0 expires 9', hops: [{ before: 'via fe80::1', after: 'weight 1' }] },
  ],
}
const handover = { kind: 'handover', device: 'eth1', bridge: 'br100', carried } as const
const port: HostResource = { kind: 'link', name: 'eth1', type: 'existing', master: 'br100' }

function stateOf(master: object, there: Readonly<Record<string, Carried>> = {}): HostState {
  const eth1: HostResource = { kind: 'link', name: 'eth1', type: 'existing', ...master }
  return {
    resources: new Map([['link eth1', { resource: eth1, ours: false }]]),
    namespaces: new Set(),
    carried: new Map(Object.entries(there)),
  }
}

const there = [
  '  address replace 192.0.2.7/24 dev br100',
  '  address replace 192.0.2.8/24 dev br100 label br100:1',
  '  route append 0.0.0.0/0 via 192.0.2.1 dev br100',
  '  route delete 0.0.0.0/0 via 192.0.2.1 dev eth1',
  '  route append ::/0 expires 9 nexthop via fe80::1 dev br100 weight 1',
  '  route delete ::/0 expires 9 nexthop via fe80::1 dev eth1 weight 1',
  '  address delete 192.0.2.8/24 dev eth1',
  '  address delete 192.0.2.7/24 dev eth1',
]

describe('a move', () => {
  const shown = (steps: readonly Step[], state: HostState) => hostOperations(steps, state).map(describeOperation)
  const steps: Step[] = [
    { verb: 'change', owner: 'o', resource: port },
    { verb: 'add', owner: 'o', resource: { ...handover, peer: '192.0.2.1' } },
  ]

  test('has everything on the bridge before it leaves the device, and then asks the peer', () => {
    expect(shown(steps, stateOf({}))).toEqual([
      ['ip -batch -', '  link set dev eth1 master br100 up', ...there, 'ping -n -q -c 1 -w 5 192.0.2.1'],
    ])
    const [move] = hostOperations(steps, stateOf({}))
    const undo = move?.kind === 'transaction' ? move.undo.lines.map(({ text }) => text) : []
    expect(undo.at(0)).toBe('address replace 192.0.2.7/24 dev eth1')
    expect(undo.at(-1)).toBe('link set dev eth1 nomaster')
  })

  test('that was cut off says no route again that is there', () => {
    const begun = stateOf({ master: 'br100' }, { br100: { ...carried, routes: carried.routes.slice(0, 1) } })
    const rest = there.filter((line) => !line.includes('append 0.0.0.0/0'))
    expect(shown([{ verb: 'change', owner: 'o', resource: handover }], begun)).toEqual([['ip -batch -', ...rest]])
  })

  test('back comes before the bridge goes, and ends with the port', () => {
    const bridge: HostResource = { kind: 'link', name: 'br100', type: 'bridge' }
    const back: Step[] = [bridge, handover].map((resource) => ({ verb: 'remove', owner: 'o', resource }))
    const [first, second] = shown(back, stateOf({ master: 'br100' }))
    expect(first?.slice(0, 2)).toEqual(['ip -batch -', '  link set dev eth1 up'])
    expect(first?.at(-1)).toBe('  link set dev eth1 nomaster')
    expect(second).toEqual(['ip -force -batch -', '  link delete dev br100'])
  })

  test.each([
    ['before', 1, 'before anything was changed', 0],
    ['after', 2, 'what could not be put back: why', 1],
  ])('is undone, or not begun, when the peer is silent %s it', async (_when, silentAt, message, undone) => {
    const [move] = hostOperations(steps, stateOf({}))
    if (move?.kind !== 'transaction') throw new Error('no move')
    let pings = 0
    let undos = 0
    const executor = {
      run: ({ argv }: { readonly argv: readonly string[] }) => {
        if (argv[0] === 'ping' && ++pings === silentAt) throw new CommandFailed({ argv, code: 1, stderr: '' })
        return Promise.resolve({ code: 0, stdout: '', stderr: '' })
      },
    }
    const undo = () => Promise.resolve([`why ${++undos}`])
    await expect(runTransaction(executor, move, new Map(), undo)).rejects.toThrow(message)
    expect(undos).toBe(undone)
  })
})
