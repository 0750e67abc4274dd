import { definePlugin, type L3Driver, l3LibSlot } from 'netloom/contracts'

/** Somebody else routes. Source: nova/network/l3.py NullL3. */
const noop: L3Driver = {
  initialize: () => [],
  initializeGateway: () => [],
  addFloatingIp: () => [],
  forgetConnections: () => [],
}

export default definePlugin({
  name: 'noop',
  summary: 'Routes nothing',
  provides: l3LibSlot,
  contract: '1.0',
  create: () => noop,
})
