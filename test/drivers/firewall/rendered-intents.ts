import type { PacketIntent } from 'netloom/contracts'

/** A floating IP. */
export const float = (publicAddress: string, fixedAddress: string, device: string | null = null): PacketIntent => ({
  kind: 'one-to-one-nat',
  publicAddress,
  fixedAddress,
  device,
})

/** Why rules of the filter have no counterpart of IPv6, by the intent; the others have the same rules for both. */
export const withoutV6: Readonly<Record<string, string>> = {
  'an opening for an address of this host': 'the metadata service has an IPv4 address',
  'an opening for what was redirected (defects-linux-net A28)': 'the metadata service has an IPv4 address',
  'an opening for a VPN': 'the VPN server is reached by NAT of IPv4; by IPv6 it has an address of its own',
}

/** Each kind of intent, and `TABLE CHAIN RULE` of what it becomes with the prefix `netloom`. */
export const rendered: readonly (readonly [what: string, intent: PacketIntent, lines: readonly string[]])[] = [
  [
    'a floating IP with a device',
    float('203.0.113.7', '10.0.0.3', 'eth0'),
    [
      'nat netloom-PREROUTING -d 203.0.113.7/32 -j DNAT --to-destination 10.0.0.3',
      'nat netloom-OUTPUT -d 203.0.113.7/32 -j DNAT --to-destination 10.0.0.3',
      'nat netloom-POSTROUTING -s 10.0.0.3/32 -m conntrack --ctstate DNAT -j SNAT --to-source 203.0.113.7',
      'nat netloom-float-snat -s 10.0.0.3/32 -d 10.0.0.3/32 -j SNAT --to-source 203.0.113.7',
      'nat netloom-float-snat -s 10.0.0.3/32 -o eth0 -j SNAT --to-source 203.0.113.7',
    ],
  ],
  [
    'a floating IP without a device',
    float('203.0.113.7', '10.0.0.3'),
    [
      'nat netloom-PREROUTING -d 203.0.113.7/32 -j DNAT --to-destination 10.0.0.3',
      'nat netloom-OUTPUT -d 203.0.113.7/32 -j DNAT --to-destination 10.0.0.3',
      'nat netloom-POSTROUTING -s 10.0.0.3/32 -m conntrack --ctstate DNAT -j SNAT --to-source 203.0.113.7',
      'nat netloom-float-snat -s 10.0.0.3/32 -j SNAT --to-source 203.0.113.7',
    ],
  ],
  [
    'outgoing traffic of a network',
    { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: 'eth0' },
    ['nat netloom-snat -s 10.0.0.0/24 -o eth0 -j SNAT --to-source 192.0.2.1'],
  ],
  [
    'outgoing traffic of everybody by any device',
    { kind: 'source-nat', cidr: '0.0.0.0/0', to: '192.0.2.1', device: null },
    ['nat netloom-snat -j SNAT --to-source 192.0.2.1'],
  ],
  [
    'outgoing traffic of a network to one place only',
    { kind: 'source-nat', cidr: '10.0.0.0/24', to: '192.0.2.1', device: null, destination: '198.51.100.0/24' },
    ['nat netloom-snat -s 10.0.0.0/24 -d 198.51.100.0/24 -j SNAT --to-source 192.0.2.1'],
  ],
  [
    'an exemption for one address',
    { kind: 'nat-exemption', cidr: '10.0.0.0/24', destination: '192.0.2.1' },
    ['nat netloom-POSTROUTING -s 10.0.0.0/24 -d 192.0.2.1/32 -j ACCEPT'],
  ],
  [
    'an exemption inside of a network',
    { kind: 'nat-exemption', cidr: '10.0.0.0/24', destination: '10.0.0.0/24', undnatted: true },
    ['nat netloom-POSTROUTING -s 10.0.0.0/24 -d 10.0.0.0/24 -m conntrack ! --ctstate DNAT -j ACCEPT'],
  ],
  [
    'the metadata service',
    { kind: 'port-forward', address: '169.254.169.254', protocol: 'tcp', port: 80, to: '192.0.2.1', toPort: 8775 },
    ['nat netloom-PREROUTING -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.0.2.1:8775'],
  ],
  [
    'the metadata service at 127.0.0.1 (defects-linux-net A28)',
    { kind: 'port-forward', address: '169.254.169.254', protocol: 'tcp', port: 80, to: '127.0.0.1', toPort: 8775 },
    ['nat netloom-PREROUTING -d 169.254.169.254/32 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8775'],
  ],
  [
    'a VPN',
    {
      kind: 'port-forward',
      address: '192.0.2.1',
      protocol: 'udp',
      port: 1000,
      to: '10.0.0.2',
      toPort: 1194,
      local: true,
    },
    [
      'nat netloom-PREROUTING -d 192.0.2.1/32 -p udp -m udp --dport 1000 -j DNAT --to-destination 10.0.0.2:1194',
      'nat netloom-OUTPUT -d 192.0.2.1/32 -p udp -m udp --dport 1000 -j DNAT --to-destination 10.0.0.2:1194',
    ],
  ],
  [
    'an opening for DHCP',
    { kind: 'accept', path: 'input', device: 'br100', protocol: 'udp', port: 67 },
    ['filter netloom-INPUT -i br100 -p udp -m udp --dport 67 -j ACCEPT'],
  ],
  [
    'an opening for an address of this host',
    { kind: 'accept', path: 'input', destination: '192.0.2.1', device: 'br100', protocol: 'tcp', port: 8775 },
    ['filter netloom-INPUT -d 192.0.2.1/32 -i br100 -p tcp -m tcp --dport 8775 -j ACCEPT'],
  ],
  [
    'an opening for what was redirected (defects-linux-net A28)',
    { kind: 'accept', path: 'input', destination: '127.0.0.1', protocol: 'tcp', port: 8775 },
    ['filter netloom-INPUT -p tcp -m tcp --dport 8775 -m addrtype --dst-type LOCAL -j ACCEPT'],
  ],
  [
    'an opening for a VPN',
    { kind: 'accept', path: 'forward', destination: '10.0.0.2', protocol: 'udp', port: 1194 },
    ['filter netloom-FORWARD -d 10.0.0.2/32 -p udp -m udp --dport 1194 -j ACCEPT'],
  ],
  [
    'a network that is forwarded',
    { kind: 'forwarding', device: 'br100', verdict: 'accept' },
    ['filter netloom-FORWARD -i br100 -j ACCEPT', 'filter netloom-FORWARD -o br100 -j ACCEPT'],
  ],
  [
    'a network that is forwarded to some devices only',
    { kind: 'forwarding', device: 'br100', verdict: 'accept', peers: ['eth0', 'tun0'] },
    [
      'filter netloom-FORWARD -i br100 -o eth0 -j ACCEPT',
      'filter netloom-FORWARD -i eth0 -o br100 -j ACCEPT',
      'filter netloom-FORWARD -i br100 -o tun0 -j ACCEPT',
      'filter netloom-FORWARD -i tun0 -o br100 -j ACCEPT',
      'filter netloom-FORWARD -i br100 -o br100 -j ACCEPT',
      'filter netloom-FORWARD -i br100 -j DROP',
      'filter netloom-FORWARD -o br100 -j DROP',
    ],
  ],
  [
    'a bridge whose ports talk to each other',
    { kind: 'forwarding', device: 'br-eth1', verdict: 'within' },
    ['filter netloom-FORWARD -i br-eth1 -o br-eth1 -j ACCEPT'],
  ],
  [
    'a network that is not forwarded',
    { kind: 'forwarding', device: 'br100', verdict: 'drop' },
    ['filter netloom-FORWARD -i br100 -j DROP', 'filter netloom-FORWARD -o br100 -j DROP'],
  ],
  [
    'checksums of DHCP answers',
    { kind: 'checksum-fill', device: 'br100' },
    ['mangle netloom-POSTROUTING -o br100 -p udp -m udp --dport 68 -j CHECKSUM --checksum-fill'],
  ],
]
