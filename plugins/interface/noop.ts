import { definePlugin, type LinuxNetInterfaceDriver, networkDriverSlot } from 'netloom/contracts'

/** Touches no device: somebody else wires the guests. */
const noop: LinuxNetInterfaceDriver = {
  getDev: (network) => network.bridge ?? '',
  plug: () => [],
  unplug: () => [],
  attach: () => [],
}

export default definePlugin({
  name: 'noop',
  summary: 'Touches no device',
  provides: networkDriverSlot,
  contract: '1.0',
  create: () => noop,
})
