/** Facts to put in a store, for tests and benchmarks. */
import {
  type Clock,
  cidrOf,
  fromInteger,
  type NetworkRow,
  type NetworkStore,
  type NewNetwork,
  netmaskOf,
  parseCidr,
} from 'netloom/contracts'

/** A clock that stands still until it is moved. */
export class TestClock implements Clock {
  ms = Date.UTC(2026, 10, 1)
  nowMs(): number {
    return this.ms
  }
  /** The time as rows have it. */
  get text(): string {
    return new Date(this.ms).toISOString()
  }
}

/** A UUID that is the same number for the same number. */
export function uuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

/** A MAC address, likewise. */
export function mac(number: number): string {
  return `fa:16:3e:00:${[number >> 8, number & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`
}

let made = 0

/** A network over the whole of a range, with its first, second and last address reserved. */
export function newNetwork(cidrText: string, values: Partial<NewNetwork> = {}): NewNetwork {
  const cidr = parseCidr(cidrText)
  const at = (value: bigint) => fromInteger(value, cidr.version)
  made += 1
  return {
    uuid: uuid(9_000_000 + made),
    label: `net-${cidrText}`,
    injected: false,
    cidr: cidrText,
    cidr_v6: null,
    netmask: netmaskOf(cidr),
    netmask_v6: null,
    gateway: at(cidr.first + 1n),
    gateway_v6: null,
    broadcast: at(cidr.last),
    bridge: 'br100',
    bridge_interface: null,
    multi_host: false,
    dns1: null,
    dns2: null,
    vlan: null,
    vpn_public_address: null,
    vpn_public_port: null,
    vpn_private_address: null,
    dhcp_start: at(cidr.first + 2n),
    rxtx_base: null,
    project_id: null,
    priority: null,
    host: null,
    mtu: null,
    dhcp_server: null,
    enable_dhcp: true,
    share_address: false,
    range: { first: at(cidr.first), last: at(cidr.last) },
    reserved: [at(cidr.first), at(cidr.first + 1n), at(cidr.last)],
    ...values,
  }
}

/** A network whose pool has exactly this many addresses, from 10.x.0.0 on. */
export function poolOf(size: number, second = 0): NewNetwork {
  const cidr = cidrOf(parseCidr(`10.${second}.0.0/16`).first, 16, 4)
  const range = { first: fromInteger(cidr.first, 4), last: fromInteger(cidr.first + BigInt(size) - 1n, 4) }
  return newNetwork(cidr.text, { range, reserved: [] })
}

/** Makes an instance (number) with an interface, and takes an address of the network for it. */
export async function allocate(store: NetworkStore, network: NetworkRow, number: number, address?: string) {
  const instance_uuid = uuid(number)
  await store.instances.ensure({
    uuid: instance_uuid,
    project_id: 'demo',
    host: 'host1',
    hostname: `vm-${number}`,
    rxtx_factor: null,
  })
  const vif = await store.virtualInterfaces.create({
    uuid: instance_uuid,
    address: mac(number),
    network_id: network.id,
    instance_uuid,
  })
  if (vif === null) throw new Error(`MAC address ${mac(number)} is taken`)
  const claim = { networkId: network.id, instanceUuid: instance_uuid, virtualInterfaceId: vif.id }
  const fixedIp = await (address === undefined
    ? store.fixedIps.claimFromPool(claim)
    : store.fixedIps.claimAddress(address, claim))
  return { vif, fixedIp, claim }
}
