import type { Command } from 'commander'
import { withExample } from '../arguments.ts'
import type { Columns } from '../output.ts'
import type { Run } from '../session.ts'

/** One line of `netloom plugins`: a slot, and what fills it. */
export interface PluginListing {
  readonly slot: string
  readonly selected: string
  /** Where the plugin comes from: built in, a package, a file. */
  readonly origin: string
  readonly contract: string
  readonly summary: string
}

const columns: Columns<PluginListing> = {
  slot: (row) => row.slot,
  selected: (row) => row.selected,
  origin: (row) => row.origin,
  contract: (row) => row.contract,
  summary: (row) => row.summary,
}

/** One line of `netloom plugins check`: a case, and what came of it. */
export interface PluginCheck {
  readonly slot: string
  readonly plugin: string
  readonly case: string
  readonly verdict: 'kept' | 'broken' | 'declared'
  /** Why it is broken; empty otherwise. */
  readonly reason: string
}

const checkColumns: Columns<PluginCheck> = {
  slot: (row) => row.slot,
  plugin: (row) => row.plugin,
  verdict: (row) => row.verdict,
  case: (row) => row.case,
  reason: (row) => row.reason.split('\n')[0],
}

/** `netloom plugins`, `netloom plugins check` */
export function declare(plugins: Command, run: Run): void {
  plugins.action(() =>
    run(async ({ settings, output }) => {
      const { listPlugins } = await import('./plugins.ts')
      output.list(await listPlugins(settings), columns, 'there are no plugins')
    }),
  )
  withExample(plugins, 'netloom --network_manager=vlan plugins')
  withExample(
    plugins
      .command('check')
      .description('hold a plugin to what every plugin of its slot does; its flags come from files and the environment')
      .argument('<spec>', 'as in the flag: a path, a package, #EXPORT after either, or a short name')
      .action((spec: string) =>
        run(async ({ settings, output }) => {
          const { checkPlugins } = await import('./plugins-check.ts')
          const checks = await checkPlugins(spec, settings)
          output.list(checks, checkColumns, 'there are no cases')
          return checks.some(({ verdict }) => verdict === 'broken') ? 1 : 0
        }),
      ),
    'netloom plugins check ./my-dhcp.js',
  )
}
