/** `firewall_driver = nftables`: packet intents in one table of netloom's own, with maps where they are many. */
import {
  type Command,
  type Contribution,
  coreOptions,
  definePlugin,
  type FirewallDriver,
  firewallDriverSlot,
} from 'netloom/contracts'
import { dropActionOption } from './drop-action.ts'
import { iptablesRemover } from './iptables.ts'
import { parseTable, printTable, TABLE } from './nftables/table.ts'
import { applyEdits, diffTable, nftText, type TableEdits } from './nftables/table-diff.ts'
import { type NftablesSettings, wantedTable } from './nftables/wanted-table.ts'

/**
 * A driver that owns the table `inet netloom`, and takes away what the iptables driver left: both would be in force, and
 * floating IPs would go on leading where they led when the driver was changed.
 */
export function nftablesDriver(settings: NftablesSettings): FirewallDriver {
  const remover = iptablesRemover({ prefix: 'netloom', useIpv6: settings.useIpv6 })

  function edits(contributions: readonly Contribution[], observed: readonly string[]) {
    const wanted = wantedTable(contributions, settings)
    const table = parseTable(observed[0] ?? '')
    return { wanted, table, edits: diffTable(wanted, table) }
  }

  return {
    reads: [{ argv: ['nft', '-j', '-s', 'list', 'table', ...TABLE.split(' ')] }, ...remover.reads],

    change(contributions, observed) {
      const { wanted, table, edits: made } = edits(contributions, observed)
      const removed = remover.change([], observed.slice(1))
      if (made === null) return { commands: removed.commands, after: [observed[0] ?? '', ...removed.after] }
      const command: Command = { argv: ['nft', '-f', '-'], input: nftText(wanted, made) }
      const after = printTable(applyEdits(wanted, table, made))
      return { commands: [command, ...removed.commands], after: [after, ...removed.after] }
    },

    describe(contributions, observed) {
      const { edits: made } = edits(contributions, observed)
      return [...(made === null ? [] : describeEdits(made)), ...remover.describe([], observed.slice(1))]
    },
  }
}

function describeEdits({ frame, removed, added, rules }: TableEdits): readonly string[] {
  const element = ({ set, key, value }: TableEdits['added'][number]) =>
    `${TABLE} ${set} ${key}${value === '' ? '' : ` : ${value}`}`
  return [
    ...(frame === 'broken' ? [`- table ${TABLE}, which others changed`] : []),
    ...(frame === 'kept' ? [] : [`+ table ${TABLE}`]),
    ...removed.map((edit) => `- ${element(edit)}`),
    ...added.map((edit) => `+ ${element(edit)}`),
    ...rules.flatMap(({ chain, gone, added }) => [
      ...gone.map(({ text }) => `- ${TABLE} ${chain} ${text}`),
      ...added.map((rule) => `+ ${TABLE} ${chain} ${rule}`),
    ]),
  ]
}

export default definePlugin({
  name: 'nftables',
  summary: 'NAT and filter in a table of its own, through nft; it opens nothing that a table of others closes',
  provides: firewallDriverSlot,
  contract: '1.0',
  programs: { nft: 'nftables' },
  options: { use_ipv6: coreOptions.use_ipv6, iptables_drop_action: dropActionOption },
  check: ({ iptables_drop_action: action }) =>
    action === 'DROP' || action === 'REJECT'
      ? []
      : ['iptables_drop_action must be DROP or REJECT with firewall_driver=nftables: its table has no chains of yours'],
  create: ({ flags }) =>
    nftablesDriver({
      dropAction: flags.iptables_drop_action === 'REJECT' ? 'REJECT' : 'DROP',
      useIpv6: flags.use_ipv6,
    }),
})
