/** Any resources of a host, for properties: few names, so that they meet one another. */
import fc from 'fast-check'
import { type HostResource, type HostState, type ObservedResource, resourceKey } from 'netloom/contracts'

const device = fc.constantFrom('br1', 'br2', 'eth1', 'tap1')
const mac = fc.constantFrom('02:6e:00:00:00:01', '02:6e:00:00:00:02')

export const anyResource: fc.Arbitrary<HostResource> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('link' as const),
      name: device,
      type: fc.constantFrom('bridge' as const, 'veth' as const, 'tap' as const, 'existing' as const),
      macAddress: mac,
      mtu: fc.constantFrom(1400, 1500),
      master: fc.constantFrom('br1', 'br2'),
      hairpin: fc.boolean(),
      keep: fc.constant(true),
    },
    { requiredKeys: ['kind', 'name', 'type'] },
  ),
  fc.record({
    kind: fc.constant('link' as const),
    name: device,
    type: fc.constant('vlan' as const),
    parent: fc.constantFrom('eth1', 'eth2'),
    vlanId: fc.constantFrom(7, 8),
  }),
  fc.record({
    kind: fc.constant('address' as const),
    device,
    cidr: fc.constantFrom('10.0.0.1/24', '10.0.0.2/24', '203.0.113.5/32'),
  }),
  fc.record({
    kind: fc.constant('sysctl' as const),
    key: fc.constantFrom('net.ipv4.ip_forward', 'net.bridge.bridge-nf-call-iptables'),
    value: fc.constantFrom('0', '1'),
  }),
  fc.record(
    {
      kind: fc.constant('file' as const),
      path: fc.constantFrom('/n/a', '/n/b'),
      content: fc.constantFrom('', 'one\n', 'two\n'),
      mode: fc.constantFrom(0o600, 0o644),
      reloads: fc.constant('d'),
    },
    { requiredKeys: ['kind', 'path', 'content', 'mode'] },
  ),
  fc.record({
    kind: fc.constant('daemon' as const),
    name: fc.constant('d'),
    argv: fc.constantFrom<[string, ...string[]]>(['d'], ['d', '-x']),
    environment: fc.constantFrom<Record<string, string>>({}, { A: '1' }),
    pidFile: fc.constantFrom('/n/1', '/n/2'),
  }),
)

/** Each thing once. */
export const anyResources: fc.Arbitrary<readonly HostResource[]> = fc.uniqueArray(anyResource, {
  selector: resourceKey,
  maxLength: 8,
})

export const anyState: fc.Arbitrary<HostState> = fc
  .tuple(anyResources, fc.infiniteStream(fc.boolean()))
  .map(([resources, ours]) => ({
    resources: new Map(
      resources.map((resource): [string, ObservedResource] => {
        const mine = ours.next().value && !(resource.kind === 'link' && resource.type === 'existing')
        return [resourceKey(resource), { resource, ours: mine }]
      }),
    ),
    namespaces: new Set<string>(),
  }))
