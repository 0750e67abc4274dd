/** Networks and their creation. */
import { defineError } from './base.ts'

export const NetworkNotFound = defineError(
  'NetworkNotFound',
  3,
  (d: { network: string | number }) => `network ${d.network} is not there: see \`netloom network list\``,
)

export const NetworkNotFoundForUUID = defineError(
  'NetworkNotFoundForUUID',
  3,
  (d: { uuid: string }) => `network ${d.uuid} is not there: see \`netloom network list\``,
  NetworkNotFound,
)

export const NetworkNotFoundForProject = defineError(
  'NetworkNotFoundForProject',
  3,
  (d: { uuid: string; project: string }) =>
    `network ${d.uuid} is not there for project ${d.project}: see \`netloom network list\``,
  NetworkNotFound,
)

export const NoNetworksFound = defineError(
  'NoNetworksFound',
  3,
  () => 'no network is defined: make one with `netloom network create`',
)

/** Each project gets a network of its own, and none is left. */
export const NoMoreNetworks = defineError(
  'NoMoreNetworks',
  4,
  (d: { project_id: string }) =>
    `no network is free for project ${d.project_id}: make more with \`netloom network create\`, or take one from a ` +
    'project that is gone (`netloom project scrub`)',
)

export const NetworkHostNotSet = defineError(
  'NetworkHostNotSet',
  4,
  (d: { network: string }) =>
    `network ${d.network} has no network host, and none that is up took it: start \`netloom serve\` on one`,
)

export const NetworkNotCreated = defineError(
  'NetworkNotCreated',
  2,
  (d: { required: string; flag?: string }) =>
    `the network needs ${d.required}: ${d.flag ? `give --${d.required} or set the flag ${d.flag}` : `give --${d.required}`}`,
)

export const NetworkInUse = defineError(
  'NetworkInUse',
  4,
  (d: { network: string; addresses: number }) =>
    `network ${d.network} is in use: ${d.addresses} of its addresses are held; deallocate their instances first (\`netloom instance list\`)`,
)

export const NetworkHasProject = defineError(
  'NetworkHasProject',
  4,
  (d: { network: string; project_id: string }) =>
    `network ${d.network} belongs to project ${d.project_id}: disassociate it first`,
  NetworkInUse,
)

export const DuplicateVlan = defineError(
  'DuplicateVlan',
  4,
  (d: { vlan: number }) => `VLAN ${d.vlan} is used by another network`,
)

/** Fewer VLANs are free than networks are asked for. */
export const NoMoreVlans = defineError(
  'NoMoreVlans',
  4,
  (d: { first: number; last: number; wanted: number; free: number }) =>
    `${d.free} VLANs are free in ${d.first}..${d.last}, not ${d.wanted}: give a lower --vlan_start or fewer networks`,
)

/** Fewer ports for VPNs are free than networks are asked for. */
export const NoMoreVpnPorts = defineError(
  'NoMoreVpnPorts',
  4,
  (d: { first: number; last: number; wanted: number; free: number }) =>
    `${d.free} VPN ports are free in ${d.first}..${d.last}, not ${d.wanted}: give a lower --vpn or fewer networks`,
)

/** Two networks cannot be reached by VPN at one address and port. */
export const VpnInUse = defineError(
  'VpnInUse',
  4,
  (d: { address: string | null; port: number; network: string }) =>
    `port ${d.port} of ${d.address ?? "the network host's vpn_ip"} leads to the VPN of network ${d.network}: choose another (\`netloom vpn list\`)`,
)

export const CidrConflict = defineError(
  'CidrConflict',
  4,
  (d: { cidr: string; other: string; label?: string }) =>
    `${d.cidr} overlaps ${d.other}${d.label ? ` of network ${d.label}` : ''}: choose a range that is free (\`netloom network list\`)`,
)

/** A DHCP server listens on it for one network. */
export const BridgeInUse = defineError(
  'BridgeInUse',
  4,
  (d: { bridge: string; network: string }) =>
    `bridge ${d.bridge} is network ${d.network}'s: give this network one of its own with --bridge`,
)

export const NetworkRangeTooSmall = defineError(
  'NetworkRangeTooSmall',
  2,
  (d: { cidr: string; num_networks: number; network_size: number | string; room: number }) =>
    `${d.cidr} has room for ${d.room} network(s) of ${d.network_size} addresses, not for ${d.num_networks}: ` +
    'give a larger range, fewer networks or a smaller network size',
)
