import { definePlugin, type RouterAdvertDriver, raDriverSlot } from 'netloom/contracts'

/** Another router advertises the networks, or guests are told their IPv6 addresses in another way. */
const noop: RouterAdvertDriver = { serve: () => [] }

export default definePlugin({
  name: 'noop',
  summary: 'Advertises nothing',
  provides: raDriverSlot,
  contract: '1.0',
  create: () => noop,
})
