/** Whole rows with sensible values, of which a test names those that it is about. */
import {
  addressAt,
  type FixedIpDetail,
  type FloatingIpDetail,
  type InstanceDetail,
  type NetworkRow,
  netmaskOf,
  parseCidr,
  type VirtualInterfaceRow,
} from 'netloom/contracts'

const CREATED = { created_at: '2026-01-01T00:00:00.000Z', updated_at: null } as const

/** A UUID that is the same number for the same number. */
export function uuidOf(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

/** A MAC address of a guest, likewise; up to 16,777,215. */
export function macOf(number: number): string {
  return `fa:16:3e:${number
    .toString(16)
    .padStart(6, '0')
    .replace(/(..)(..)(..)/, '$1:$2:$3')}`
}

/** A flat network; gateway, mask and the like follow from `cidr` unless they are named. */
export function aNetwork(values: Partial<NetworkRow> = {}): NetworkRow {
  const { id = 1, cidr = '10.0.0.0/24' } = values
  const block = cidr === null ? null : parseCidr(cidr)
  const at = (index: number) => (block === null ? null : addressAt(block, index))
  return {
    ...CREATED,
    id,
    uuid: uuidOf(1000 + id),
    label: 'private',
    injected: false,
    cidr,
    cidr_v6: null,
    netmask: block === null ? null : netmaskOf(block),
    netmask_v6: null,
    gateway: at(1),
    gateway_v6: null,
    broadcast: at(-1),
    bridge: `br${99 + id}`,
    bridge_interface: null,
    multi_host: false,
    dns1: '8.8.4.4',
    dns2: null,
    vlan: null,
    vpn_public_address: null,
    vpn_public_port: null,
    vpn_private_address: null,
    dhcp_start: at(2),
    rxtx_base: null,
    project_id: null,
    priority: null,
    host: 'host1',
    mtu: null,
    dhcp_server: at(1),
    enable_dhcp: true,
    share_address: false,
    ...values,
  }
}

/** An interface that is not plugged in. */
export function aVirtualInterface(values: Partial<VirtualInterfaceRow> = {}): VirtualInterfaceRow {
  const { id = 1 } = values
  return {
    ...CREATED,
    id,
    uuid: uuidOf(2000 + id),
    address: macOf(id),
    network_id: 1,
    instance_uuid: uuidOf(1),
    target_kind: null,
    target: null,
    device: null,
    guest_device: null,
    missing_since: null,
    ...values,
  }
}

/** An address that an instance uses; no guest has leased it. */
export function aFixedIp(values: Partial<FixedIpDetail> = {}): FixedIpDetail {
  return {
    ...CREATED,
    id: 1,
    address: '10.0.0.2',
    network_id: 1,
    virtual_interface_id: 1,
    instance_uuid: uuidOf(1),
    allocated: true,
    leased: false,
    lease_mac: null,
    lease_host: null,
    reserved: false,
    host: null,
    mac: macOf(1),
    hostname: 'guest1',
    instance_host: 'host1',
    project_id: 'demo',
    default_route: true,
    ...values,
  }
}

/** An allocated address that leads nowhere. */
export function aFloatingIp(values: Partial<FloatingIpDetail> = {}): FloatingIpDetail {
  return {
    ...CREATED,
    id: 1,
    address: '203.0.113.5',
    fixed_ip_id: null,
    project_id: 'demo',
    host: null,
    auto_assigned: false,
    pool: 'nova',
    interface: null,
    fixed_address: null,
    instance_uuid: null,
    network_id: null,
    ...values,
  }
}

/** An instance with one interface and one address. */
export function anInstance(values: Partial<InstanceDetail> = {}): InstanceDetail {
  const { uuid = uuidOf(1) } = values
  return {
    ...CREATED,
    uuid,
    project_id: 'demo',
    host: 'host1',
    hostname: 'guest1',
    rxtx_factor: null,
    virtual_interfaces: [
      {
        ...aVirtualInterface({ instance_uuid: uuid }),
        network_uuid: aNetwork().uuid,
        fixed_ips: [{ address: '10.0.0.2', floating_ips: [] }],
      },
    ],
    ...values,
  }
}
