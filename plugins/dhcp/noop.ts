import { type DhcpDriver, definePlugin, dhcpDriverSlot } from 'netloom/contracts'

/** Somebody else serves DHCP. */
const noop: DhcpDriver = { serve: () => [], host: () => [], leaseFile: () => [], release: () => [] }

export default definePlugin({
  name: 'noop',
  summary: 'Serves no DHCP',
  provides: dhcpDriverSlot,
  contract: '1.0',
  create: () => noop,
})
