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

/** `netloom plugins` */
export function declare(plugins: Command, run: Run): void {
  plugins.action(() =>
    run(async ({ settings, output }) => {
      const { listPlugins } = await import('./plugins.ts')
      output.list(await listPlugins(settings), columns, 'there are no plugins')
    }),
  )
  withExample(plugins, 'netloom --network_manager=vlan plugins')
}
