/** `firewall_driver = iptables`: packet intents as rules in wrapped chains of iptables, either back end. */
import {
  type Command,
  type Contribution,
  coreOptions,
  definePlugin,
  type FirewallDriver,
  firewallDriverSlot,
  option,
} from 'netloom/contracts'
import { dropActionOption } from './drop-action.ts'
import { addIntents, type IntentSettings } from './intent-rules.ts'
import { IptablesManager, IptablesTable, SHARED_CHAINS } from './iptables-manager.ts'
import { diffRuleset, type Edit, restoreText, type TableEdits } from './ruleset-diff.ts'
import { applyRestore, parseRuleset, printRuleset, type Ruleset } from './ruleset-text.ts'
import type { ForeignOrder } from './shared-chain.ts'

/** Seconds to wait for another program that is changing rules (lessons C1). */
const LOCK_WAIT = '10'

/** What one pair of programs keeps: rules of IPv4 or of IPv6. */
interface Family {
  readonly program: 'iptables' | 'ip6tables'
  tablesOf(all: Tables): Readonly<Record<string, IptablesTable>>
}

const IPV4: Family = { program: 'iptables', tablesOf: ({ ipv4 }) => ipv4 }
const IPV6: Family = { program: 'ip6tables', tablesOf: ({ ipv6 }) => ipv6 }

interface FamilyChange {
  readonly family: Family
  readonly ruleset: Ruleset
  readonly tables: readonly TableEdits[]
}

export interface IptablesSettings extends IntentSettings {
  /** Rules of others that stay before and behind ours; absent: ours are put first. */
  readonly foreignOrder?: ForeignOrder
  /** What our chains are named after: two programs on one host have different ones. */
  readonly prefix: string
}

/** A driver that owns the chains of one prefix and leaves all others alone. */
export function iptablesDriver(settings: IptablesSettings): FirewallDriver {
  return driverOf(settings, (wanted) => {
    const manager = new IptablesManager(settings.prefix)
    addIntents(manager, wanted, settings)
    return manager
  })
}

/** A driver that takes away the chains of one prefix and the jumps to them, whatever is wanted; shared chains stay. */
export function iptablesRemover(settings: Pick<IptablesSettings, 'prefix' | 'useIpv6'>): FirewallDriver {
  const bare = (name: string, ruleset: Ruleset | undefined): IptablesTable => {
    const table = new IptablesTable(settings.prefix)
    for (const chain of SHARED_CHAINS) if (ruleset?.get(name)?.has(chain)) table.addChain(chain, false)
    return table
  }
  return driverOf(settings, (_, [ipv4, ipv6]) => ({
    ipv4: { filter: bare('filter', ipv4), nat: bare('nat', ipv4), mangle: bare('mangle', ipv4) },
    ipv6: { filter: bare('filter', ipv6) },
  }))
}

type Tables = Pick<IptablesManager, 'ipv4' | 'ipv6'>

function driverOf(
  { prefix, useIpv6, foreignOrder }: Pick<IptablesSettings, 'prefix' | 'useIpv6' | 'foreignOrder'>,
  tablesFor: (wanted: readonly Contribution[], rulesets: readonly Ruleset[]) => Tables,
): FirewallDriver {
  const families = useIpv6 ? [IPV4, IPV6] : [IPV4]

  function changes(wanted: readonly Contribution[], observed: readonly string[]): readonly FamilyChange[] {
    const rulesets = families.map((_, index) => parseRuleset(observed[index] ?? ''))
    const tables = tablesFor(wanted, rulesets)
    return families.map((family, index) => {
      const ruleset = rulesets[index]!
      return { family, ruleset, tables: diffRuleset(family.tablesOf(tables), ruleset, prefix, foreignOrder) }
    })
  }

  return {
    reads: families.map(({ program }): Command => ({ argv: [`${program}-save`, '-c'] })),

    change(wanted, observed) {
      const commands: Command[] = []
      const after = changes(wanted, observed).map(({ family, ruleset, tables }, index) => {
        if (tables.length === 0) return observed[index] ?? ''
        const input = restoreText(tables)
        commands.push({ argv: [`${family.program}-restore`, '--noflush', '--wait', LOCK_WAIT], input })
        return printRuleset(applyRestore(ruleset, input))
      })
      return { commands, after }
    },

    describe(wanted, observed) {
      return changes(wanted, observed).flatMap(({ family, tables }) =>
        tables.flatMap(({ table, edits }) => {
          const where = family === IPV6 ? `ip6 ${table}` : table
          return edits.flatMap((edit) => describeEdit(where, edit))
        }),
      )
    },
  }
}

function describeEdit(where: string, edit: Edit): readonly string[] {
  switch (edit.kind) {
    case 'new-chain':
      return [`+ ${where} chain ${edit.chain}`]
    case 'delete-chain':
      return [`- ${where} chain ${edit.chain}`]
    case 'append':
    case 'insert':
      return [`+ ${where} ${edit.chain} ${edit.rule}`]
    case 'delete':
      return [`- ${where} ${edit.chain} ${edit.rule}`]
    case 'flush':
      return edit.rules.map((rule) => `- ${where} ${edit.chain} ${rule}`)
  }
}

export default definePlugin({
  name: 'iptables',
  summary: 'Rules in chains of its own, through iptables-restore; rules of others stay as they are',
  provides: firewallDriverSlot,
  contract: '1.0',
  programs: {
    'iptables-save': 'iptables',
    'iptables-restore': 'iptables',
    'ip6tables-save': 'iptables',
    'ip6tables-restore': 'iptables',
  },
  options: {
    use_ipv6: coreOptions.use_ipv6,
    iptables_drop_action: dropActionOption,
    iptables_top_regex: option.optionalPattern({
      help: 'Rules of others, such as -A FORWARD -j MINE, that stay before those of netloom; it is found anywhere in one',
    }),
    iptables_bottom_regex: option.optionalPattern({
      help: 'Rules of others that stay behind those of netloom',
    }),
  },
  check: ({ iptables_drop_action }) =>
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,27}$/.test(iptables_drop_action)
      ? []
      : ['iptables_drop_action must be DROP, REJECT or the name of a chain'],
  create: ({ flags }) =>
    iptablesDriver({
      prefix: 'netloom',
      dropAction: flags.iptables_drop_action,
      useIpv6: flags.use_ipv6,
      foreignOrder: { first: pattern(flags.iptables_top_regex), last: pattern(flags.iptables_bottom_regex) },
    }),
})

function pattern(text: string | null): RegExp | null {
  return text === null ? null : new RegExp(text)
}
