/** Rows as the services answer them. */
export const UUID = '6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11'
export const INSTANCE = '1b4e28ba-2fa1-41d2-883f-0016d3cca427'

export const network = {
  uuid: UUID,
  label: 'demo',
  cidr: '10.0.0.0/24',
  cidr_v6: null,
  vlan: 100,
  bridge: 'br100',
  project_id: null,
  host: 'node1',
  multi_host: false,
  addresses: { used: 1, held: 2, reserved: 3, free: 250 },
}

export const floating = {
  address: '203.0.113.5',
  pool: 'nova',
  project_id: 'acme',
  fixed_address: '10.0.0.3',
  instance_uuid: INSTANCE,
  host: 'node1',
  interface: 'eth0',
}

const ip = (address: string, type: string, version = 4) => ({ address, type, version, meta: {} })

export const networkInfo = [
  {
    id: 'v1',
    address: 'fa:16:3e:00:00:01',
    network: {
      id: UUID,
      bridge: 'br100',
      label: 'demo',
      subnets: [
        {
          cidr: '10.0.0.0/24',
          gateway: ip('10.0.0.1', 'gateway'),
          ips: [{ ...ip('10.0.0.3', 'fixed'), floating_ips: [ip('203.0.113.5', 'floating')] }],
        },
        {
          cidr: 'fd00::/64',
          gateway: ip('fd00::1', 'gateway', 6),
          ips: [{ ...ip('fd00::3', 'fixed', 6), floating_ips: [] }],
        },
      ],
    },
  },
  { id: 'v2', address: 'fa:16:3e:00:00:02', network: { id: UUID, bridge: null, label: 'bare', subnets: [] } },
]

export const instance = {
  uuid: INSTANCE,
  hostname: 'web1',
  project_id: 'acme',
  host: 'node1',
  virtual_interfaces: [
    {
      mac: 'fa:16:3e:00:00:01',
      network: 'demo',
      fixed_ips: ['10.0.0.3'],
      floating_ips: ['203.0.113.5'],
      attached_to: 'web1',
      missing_since: null,
    },
    {
      mac: 'fa:16:3e:00:00:02',
      network: 'bare',
      fixed_ips: [],
      floating_ips: [],
      attached_to: null,
      missing_since: null,
    },
  ],
}

export const attachment = {
  instance_uuid: INSTANCE,
  mac: 'fa:16:3e:00:00:01',
  device: 'tapv1',
  guest_device: 'eth0',
  target: 'web1',
}

export const lease = {
  address: '10.0.0.3',
  mac: 'fa:16:3e:00:00:01',
  hostname: 'web1',
  instance_uuid: INSTANCE,
  network: 'demo',
  allocated: true,
}

export const fixedIp = {
  address: '10.0.0.3',
  state: 'used',
  network: 'demo',
  network_uuid: UUID,
  instance_uuid: INSTANCE,
  hostname: 'web1',
  instance_host: 'node2',
  host: null,
  leased: true,
}

export const freeRange = {
  network: 'demo',
  network_uuid: UUID,
  first: '10.0.0.4',
  last: '10.0.0.254',
  addresses: 251,
}

export const host = {
  host: 'node1',
  state: 'up',
  version: '0.1.0',
  since: '2026-01-01T00:00:00.000Z',
  nodes: ['NetworkController', 'RoutingNode'],
  started_at: '2026-01-01T00:00:00.000Z',
  reported_at: '2026-01-01T00:00:10.000Z',
}
