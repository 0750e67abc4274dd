/** Fixed and floating addresses, virtual interfaces, instances. */
import { defineError } from './base.ts'

/** Parent of all that say an address is taken. */
export const AddressAlreadyAllocated = defineError(
  'AddressAlreadyAllocated',
  4,
  (d: { address: string }) => `address ${d.address} is already allocated`,
)

export const FixedIpNotFound = defineError(
  'FixedIpNotFound',
  3,
  (d: { id: string | number }) => `fixed IP ${d.id} is not there`,
)

export const FixedIpNotFoundForAddress = defineError(
  'FixedIpNotFoundForAddress',
  3,
  (d: { address: string }) => `${d.address} is not a fixed IP of any network: see \`netloom instance list\``,
  FixedIpNotFound,
)

export const FixedIpNotFoundForNetwork = defineError(
  'FixedIpNotFoundForNetwork',
  3,
  (d: { address: string; network: string }) => `${d.address} is not an address of network ${d.network}`,
  FixedIpNotFound,
)

export const FixedIpNotFoundForInstance = defineError(
  'FixedIpNotFoundForInstance',
  3,
  (d: { instance_uuid: string }) => `instance ${d.instance_uuid} has no fixed IP`,
  FixedIpNotFound,
)

export const FixedIpNotFoundForSpecificInstance = defineError(
  'FixedIpNotFoundForSpecificInstance',
  3,
  (d: { instance_uuid: string; ip: string }) =>
    `instance ${d.instance_uuid} does not have fixed IP ${d.ip}: see \`netloom instance show ${d.instance_uuid}\``,
  FixedIpNotFound,
)

export const FixedIpInvalid = defineError(
  'FixedIpInvalid',
  2,
  (d: { address: string }) => `fixed IP ${JSON.stringify(d.address)} is not an IP address: give it like 10.0.0.5`,
)

export const FixedIpNotAllocated = defineError(
  'FixedIpNotAllocated',
  4,
  (d: { address: string }) =>
    `fixed IP ${d.address} is not allocated to an instance: give the address of one (\`netloom instance list\`)`,
)

export const FixedIpAlreadyInUse = defineError(
  'FixedIpAlreadyInUse',
  4,
  (d: { address: string; instance_uuid: string | null }) =>
    `fixed IP ${d.address} is already in use${d.instance_uuid ? ` by instance ${d.instance_uuid}` : ''}`,
  AddressAlreadyAllocated,
)

export const FixedIpReserved = defineError(
  'FixedIpReserved',
  4,
  (d: { address: string }) => `fixed IP ${d.address} is reserved: choose another`,
  AddressAlreadyAllocated,
)

/** `count` in all, of which `addresses` are the first. */
export const FixedIpInUse = defineError(
  'FixedIpInUse',
  4,
  (d: { addresses: readonly string[]; count: number }) =>
    `fixed IPs in use: ${d.addresses.join(', ')}${d.count > d.addresses.length ? ` and ${d.count - d.addresses.length} more` : ''}; ` +
    'deallocate their instances first (`netloom fixed list`); nothing was reserved',
  AddressAlreadyAllocated,
)

export const NoMoreFixedIps = defineError(
  'NoMoreFixedIps',
  4,
  (d: { network: string; cidr: string; used: number; reserved: number; held: number }) =>
    `no address of network ${d.network} (${d.cidr}) is free: ${d.used} used, ${d.reserved} reserved, ${d.held} waiting for ` +
    'their lease to end; deallocate instances (`netloom instance list`) or add a network',
)

export const FloatingIpNotFound = defineError(
  'FloatingIpNotFound',
  3,
  (d: { id: string | number }) => `floating IP ${d.id} is not there`,
)

export const FloatingIpNotFoundForAddress = defineError(
  'FloatingIpNotFoundForAddress',
  3,
  (d: { address: string }) => `${d.address} is not a floating IP: see \`netloom floating list\``,
  FloatingIpNotFound,
)

export const FloatingIpPoolNotFound = defineError(
  'FloatingIpPoolNotFound',
  3,
  (d: { pool: string; pools: readonly string[] }) =>
    `floating pool ${d.pool} is not there${d.pools.length ? ` (there are: ${d.pools.join(', ')})` : ''}: ` +
    'make it with `netloom floating create RANGE --pool POOL`',
)

export const NoMoreFloatingIps = defineError(
  'NoMoreFloatingIps',
  4,
  (d: { pool: string }) =>
    `no address of floating pool ${d.pool} is free: release one (\`netloom floating list\`) or add a range`,
  FloatingIpNotFound,
)

export const FloatingIpExists = defineError(
  'FloatingIpExists',
  4,
  (d: { address: string }) => `floating IP ${d.address} exists already: nothing was made`,
  AddressAlreadyAllocated,
)

export const FloatingIpAssociated = defineError(
  'FloatingIpAssociated',
  4,
  (d: { address: string }) => `floating IP ${d.address} is associated: disassociate it first`,
  AddressAlreadyAllocated,
)

export const FloatingIpNotAssociated = defineError(
  'FloatingIpNotAssociated',
  4,
  (d: { address: string }) => `floating IP ${d.address} is not associated with a fixed IP`,
)

/** It comes and goes with its instance. */
export const CannotDisassociateAutoAssignedFloatingIP = defineError(
  'CannotDisassociateAutoAssignedFloatingIP',
  4,
  (d: { address: string }) =>
    `floating IP ${d.address} was given with its instance and goes with it: say that you mean it all the same ` +
    '(--affect-auto-assigned)',
)

export const FloatingIpAssociateFailed = defineError(
  'FloatingIpAssociateFailed',
  4,
  (d: { address: string; reason: string }) => `floating IP ${d.address} was not associated: ${d.reason}`,
)

export const FloatingIpInUse = defineError(
  'FloatingIpInUse',
  4,
  (d: { addresses: readonly string[] }) =>
    `floating IPs in use: ${d.addresses.slice(0, 8).join(', ')}${d.addresses.length > 8 ? ` and ${d.addresses.length - 8} more` : ''}; ` +
    'disassociate and release them first; nothing was deleted',
  AddressAlreadyAllocated,
)

export const NoFloatingIpInterface = defineError(
  'NoFloatingIpInterface',
  3,
  (d: { interface: string; address: string }) =>
    `interface ${d.interface} for floating IP ${d.address} is not on this host: set the flag public_interface`,
)

export const InstanceNotFound = defineError(
  'InstanceNotFound',
  3,
  (d: { instance_uuid: string }) => `instance ${d.instance_uuid} is not known: see \`netloom instance list\``,
)

export const InstanceExists = defineError(
  'InstanceExists',
  4,
  (d: { instance_uuid: string; project_id: string }) =>
    `instance ${d.instance_uuid} belongs to project ${d.project_id}`,
)

export const VirtualInterfaceNotFound = defineError(
  'VirtualInterfaceNotFound',
  3,
  (d: { instance_uuid: string; index: number; count: number }) =>
    `instance ${d.instance_uuid} has no interface ${d.index}: it has ${d.count}, numbered from 0`,
)

export const VirtualInterfaceNotFoundForMac = defineError(
  'VirtualInterfaceNotFoundForMac',
  3,
  (d: { mac: string }) => `no virtual interface has MAC address ${d.mac}: see \`netloom instance list\``,
)

export const VirtualInterfaceAttached = defineError(
  'VirtualInterfaceAttached',
  4,
  (d: { mac: string; target: string }) => `interface ${d.mac} is plugged into ${d.target} already: detach it first`,
)

export const AttachmentTargetInUse = defineError(
  'AttachmentTargetInUse',
  4,
  (d: { target: string; instance_uuid: string }) => `${d.target} is in use by instance ${d.instance_uuid}`,
)

export const VirtualInterfaceCreateException = defineError(
  'VirtualInterfaceCreateException',
  4,
  (d: { reason: string }) => `the virtual interface was not made: ${d.reason}`,
)

export const VirtualInterfaceMacAddressException = defineError(
  'VirtualInterfaceMacAddressException',
  1,
  (d: { attempts: number }) =>
    `no unique MAC address in ${d.attempts} tries: see the flag create_unique_mac_address_attempts`,
)

export const FloatingIpNotAllocated = defineError(
  'FloatingIpNotAllocated',
  4,
  (d: { address: string }) =>
    `floating IP ${d.address} is not allocated to a project: get one with \`netloom floating allocate\``,
)
