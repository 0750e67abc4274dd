import { type DnsDriver, definePlugin, floatingIpDnsManagerSlot, instanceDnsManagerSlot } from 'netloom/contracts'

const nothing = async () => {}
const none = async () => []

/** Somebody else keeps names, or nobody. */
const noop: DnsDriver = {
  keepsNothing: true,
  getDomains: none,
  createEntry: nothing,
  deleteEntry: nothing,
  modifyAddress: nothing,
  getEntriesByAddress: none,
  getEntriesByName: none,
  createDomain: nothing,
  deleteDomain: nothing,
}

const plugin = { name: 'noop', summary: 'Keeps no DNS names', contract: '1.0', create: () => noop } as const

export const instanceDns = definePlugin({ ...plugin, provides: instanceDnsManagerSlot })
export const floatingDns = definePlugin({ ...plugin, provides: floatingIpDnsManagerSlot })
