/** `firewall_driver = noop`: makes no rules, for hosts where something else filters and translates. */
import { definePlugin, firewallDriverSlot } from 'netloom/contracts'

export default definePlugin({
  name: 'noop',
  summary: 'Makes no rules: no NAT, no floating IPs, no openings for DHCP',
  provides: firewallDriverSlot,
  contract: '1.0',
  create: () => ({
    reads: [],
    change: () => ({ commands: [], after: [] }),
    describe: () => [],
  }),
})
