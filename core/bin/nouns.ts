import type { Command } from 'commander'
import type { Run } from './session.ts'

/** A first word of the command line; its verbs are loaded when they are asked for. */
export interface Noun {
  readonly name: string
  readonly summary: string
  /** Adds the noun to the program, with verbs, options and bodies. */
  load(program: Command, run: Run): Promise<void>
}

type Declare = (noun: Command, run: Run) => void

function noun(name: string, summary: string, load: () => Promise<{ readonly declare: Declare }>): Noun {
  return {
    name,
    summary,
    async load(program, run) {
      const { declare } = await load()
      declare(program.command(name).description(summary).helpCommand(false), run)
    },
  }
}

/** In the order of the help. */
export const nouns: readonly Noun[] = [
  noun('serve', 'run the service: network host and controller', () => import('./commands/serve-command.ts')),
  noun('demo', 'build a small cloud in namespaces, use it, take it away', () => import('./commands/demo-command.ts')),
  noun('network', 'make, list and delete networks', () => import('./commands/network-command.ts')),
  noun(
    'fixed',
    'addresses of networks: who holds them, which are free or reserved',
    () => import('./commands/fixed-command.ts'),
  ),
  noun('floating', 'pools of floating IPs, and whom they lead to', () => import('./commands/floating-command.ts')),
  noun('instance', 'addresses and interfaces of instances', () => import('./commands/instance-command.ts')),
  noun('vif', 'virtual interfaces', () => import('./commands/vif-command.ts')),
  noun('project', 'what a project that is gone leaves behind', () => import('./commands/project-command.ts')),
  noun('vpn', 'how projects on VLANs are reached from outside', () => import('./commands/vpn-command.ts')),
  noun('lease', 'DHCP leases', () => import('./commands/lease-command.ts')),
  noun('dns', 'domains and names of DNS', () => import('./commands/dns-command.ts')),
  noun('events', 'what happened to networks and addresses', () => import('./commands/events-command.ts')),
  noun('host', 'network hosts', () => import('./commands/host-command.ts')),
  noun(
    'plan',
    'what this host would be made to look like; changes nothing',
    () => import('./commands/plan-command.ts'),
  ),
  noun('reconcile', 'make this host look as it should', () => import('./commands/reconcile-command.ts')),
  noun('plugins', 'what is selected, where it comes from', () => import('./commands/plugins-command.ts')),
  noun('db', 'the schema of the fact store', () => import('./commands/db-command.ts')),
  noun('config', 'check and show the configuration', () => import('./commands/config-command.ts')),
]
