/** Built-in plugins that reach the outside: slot flag -> short name -> lazy import. */
export const builtinDrivers = {
  host_driver: { linux: () => import('./host/linux/index.ts'), noop: () => import('./host/noop.ts') },
  firewall_driver: {
    iptables: () => import('./firewall/iptables.ts'),
    nftables: () => import('./firewall/nftables.ts'),
    noop: () => import('./firewall/noop.ts'),
  },
  instance_dns_manager: {
    noop: async () => ({ default: (await import('./dns/noop.ts')).instanceDns }),
    minidns: async () => ({ default: (await import('./dns/minidns.ts')).instanceDns }),
  },
  floating_ip_dns_manager: {
    noop: async () => ({ default: (await import('./dns/noop.ts')).floatingDns }),
    minidns: async () => ({ default: (await import('./dns/minidns.ts')).floatingDns }),
  },
  db_backend: { sqlite: () => import('./database/sqlite.ts'), mysql: () => import('./database/mysql.ts') },
  rpc_backend: { local: () => import('./rpc/local/index.ts'), amqp: () => import('./rpc/amqp/index.ts') },
}
