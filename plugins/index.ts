/** Built-in plugins that decide: slot flag -> short name -> lazy import. Starting with three loads three. */
export const builtinPlugins = {
  network_manager: {
    'flat-dhcp': () => import('./manager/flat-dhcp.ts'),
    flat: () => import('./manager/flat.ts'),
    vlan: () => import('./manager/vlan.ts'),
  },
  network_driver: {
    bridge: () => import('./interface/bridge.ts'),
    vlan: () => import('./interface/vlan.ts'),
    ovs: () => import('./interface/ovs.ts'),
    noop: () => import('./interface/noop.ts'),
  },
  l3_lib: { 'linux-net': () => import('./l3/linux-net.ts'), noop: () => import('./l3/noop.ts') },
  ra_driver: { radvd: () => import('./router-advert/radvd.ts'), noop: () => import('./router-advert/noop.ts') },
  dhcp_driver: { dnsmasq: () => import('./dhcp/dnsmasq.ts'), noop: () => import('./dhcp/noop.ts') },
}
