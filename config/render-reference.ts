/** The reference and the sample file, from the declarations. Pure: text out. */
import type { Option } from './option.ts'
import type { Declarer } from './registry.ts'
import { renderSetting } from './sources.ts'

interface Section {
  readonly name: string
  readonly options: readonly (readonly [flag: string, option: Option<unknown>])[]
  /** Flags that an earlier section describes. */
  readonly shared: readonly string[]
}

/** Each flag once, with the first who declares it. */
function sectionsOf(declarers: readonly Declarer[]): readonly Section[] {
  const seen = new Set<string>()
  return declarers.map(({ name, options }) => {
    const all = Object.entries(options) as [string, Option<unknown>][]
    const own = all.filter(([flag]) => !seen.has(flag))
    const shared = all.filter(([flag]) => seen.has(flag)).map(([flag]) => flag)
    for (const [flag] of own) seen.add(flag)
    return { name, options: own, shared }
  })
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

/** The reference in Markdown: a table for each declarer. */
export function renderReferenceMarkdown(declarers: readonly Declarer[]): string {
  const sections = sectionsOf(declarers).map(({ name, options, shared }) => {
    const table = ['| flag | kind | default | meaning |', '|---|---|---|---|', ...options.map(row)]
    const parts = [`## ${name}`]
    if (options.length > 0) parts.push(table.join('\n'))
    if (shared.length > 0) parts.push(`Reads also: ${shared.map((flag) => `\`${flag}\``).join(', ')}.`)
    if (parts.length === 1) parts.push('Has no flags.')
    return parts.join('\n\n')
  })
  const intro =
    '# Flags\n\nMade from the declarations by `netloom config reference`: do not edit. An empty default is no value.'
  return `${[intro, ...sections].join('\n\n')}\n`
}

/** A configuration file that sets nothing: each flag with its default, commented out. */
export function renderSample(declarers: readonly Declarer[]): string {
  const sections = sectionsOf(declarers)
    .filter(({ options }) => options.length > 0)
    .map(({ name, options }) => {
      const flags = options.map(([flag, option]) => {
        const setting = renderSetting(flag, textOf(option.default)).replaceAll('\n', '\n#')
        return `# ${remarks(option).replaceAll('\n', ' ')} (${option.kind})\n#${setting}`
      })
      return [`# Flags of ${name}.`, ...flags].join('\n\n')
    })
  const intro = '# Every flag of netloom with its default: remove the # before a line to change it.\n\n[DEFAULT]'
  return `${[intro, ...sections].join('\n\n')}\n`
}
