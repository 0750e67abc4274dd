/** Built-in plugins that reach the outside: slot flag -> short name -> lazy import. */
export const builtinDrivers = {
  host_driver: { linux: () => import('./host/linux/index.ts'), noop: () => import('./host/noop.ts') },
  firewall_driver: { iptables: () => import('./firewall/iptables.ts'), noop: () => import('./firewall/noop.ts') },
  db_backend: { sqlite: () => import('./database/sqlite.ts'), mysql: () => import('./database/mysql.ts') },
  rpc_backend: { local: () => import('./rpc/local/index.ts'), amqp: () => import('./rpc/amqp/index.ts') },
}
