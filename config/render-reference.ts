/** The reference and the sample file, from the declarations. Pure: text out. */
import type { Option } from './option.ts'
import type { Declarer } from './registry.ts'
import { renderSetting } from './sources.ts'

interface Section {
  /** `core`, or the setting that selects the plugin: `l3_lib = linux-net`. */
  readonly title: string
  readonly options: readonly (readonly [flag: string, option: Option<unknown>])[]
  /** What earlier sections describe: flags, and sections of which it reads all. */
  readonly shared: readonly string[]
}

/** Each flag once, with the first who declares it. */
function sectionsOf(declarers: readonly Declarer[]): readonly Section[] {
  const sections: Section[] = []
  for (const { name, provides, options } of declarers) {
    const all = Object.entries(options) as [string, Option<unknown>][]
    const flagsOf = (section: Section) => section.options.map(([flag]) => flag)
    const whole = sections.filter(
      (section) => flagsOf(section).length > 1 && flagsOf(section).every((f) => f in options),
    )
    const covered = new Set(whole.flatMap(flagsOf))
    const seen = new Set(sections.flatMap(flagsOf))
    const single = all.map(([flag]) => flag).filter((flag) => seen.has(flag) && !covered.has(flag))
    sections.push({
      title: provides === undefined ? name : `${provides.flag} = ${name}`,
      options: all.filter(([flag]) => !seen.has(flag)),
      shared: [...whole.map(({ title }) => `all of \`${title}\``), ...single.map((flag) => `\`${flag}\``)],
    })
  }
  return sections
}

function textOf(value: unknown): string {
  return value === null ? '' : Array.isArray(value) ? value.join(',') : String(value)
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

function remarks({ help, secret, deprecatedNames = [] }: Option<unknown>): string {
  const old = deprecatedNames.length > 0 ? [`old name: ${deprecatedNames.join(', ')}`] : []
  return [help, ...old, ...(secret ? ['secret'] : [])].join('; ')
}

function row([flag, option]: Section['options'][number]): string {
  const byDefault = textOf(option.default)
  const cells = [`\`${flag}\``, option.kind, byDefault === '' ? '' : `\`${byDefault}\``, remarks(option)]
  return `| ${cells.map(cell).join(' | ')} |`
}

const INTRO = `# Flags

Made from the declarations by \`netloom config reference\`: do not edit. An empty default is no value.

\`$name\` in a value is the value of another flag, or one of these facts: \`$hostname\`, the name of the machine;
\`$primary_address\`, its first IPv4 address that is not loopback; \`$default_state_path\`, \`/var/lib/netloom\`, without root
\`$XDG_STATE_HOME/netloom\`; \`$default_run_path\`, \`/run/netloom\`, without root \`$XDG_RUNTIME_DIR/netloom\`, and
\`$state_path/run\` where \`state_path\` is set.`

/** The reference in Markdown: a table for each declarer. */
export function renderReferenceMarkdown(declarers: readonly Declarer[]): string {
  const sections = sectionsOf(declarers)
  const isBare = ({ options, shared }: Section) => options.length === 0 && shared.length === 0
  const parts = sections
    .filter((section) => !isBare(section))
    .map(({ title, options, shared }) => {
      const table = ['| flag | kind | default | meaning |', '|---|---|---|---|', ...options.map(row)].join('\n')
      const also = `Reads also: ${shared.join(', ')}.`
      return [`## ${title}`, ...(options.length > 0 ? [table] : []), ...(shared.length > 0 ? [also] : [])].join('\n\n')
    })
  const bare = sections.filter(isBare).map(({ title }) => `\`${title}\``)
  const end = bare.length > 0 ? [`## Without flags\n\n${bare.join(', ')}.`] : []
  return `${[INTRO, ...parts, ...end].join('\n\n')}\n`
}

/** A configuration file that sets nothing: each flag with its default, commented out. */
export function renderSample(declarers: readonly Declarer[]): string {
  const sections = sectionsOf(declarers)
    .filter(({ options }) => options.length > 0)
    .map(({ title, options }) => {
      const flags = options.map(([flag, option]) => {
        const setting = renderSetting(flag, textOf(option.default)).replaceAll('\n', '\n#')
        return `# ${remarks(option).replaceAll('\n', ' ')} (${option.kind})\n#${setting}`
      })
      return [`# Flags of ${title}.`, ...flags].join('\n\n')
    })
  const intro = '# Every flag of netloom with its default: remove the # before a line to change it.\n\n[DEFAULT]'
  return `${[intro, ...sections].join('\n\n')}\n`
}
