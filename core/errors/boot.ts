/** Configuration and plugins: exit status 6, found before anything is touched. */
import { defineError } from './base.ts'

/** One finding of the configuration check. */
export interface ConfigProblem {
  readonly level: 'error' | 'warning'
  readonly flag: string
  readonly value: string | null
  readonly file: string | null
  readonly line: number | null
  readonly message: string
}

function place(problem: ConfigProblem): string {
  if (problem.file === null) return ''
  return problem.line === null ? ` (${problem.file})` : ` (${problem.file}:${problem.line})`
}

export const ConfigInvalid = defineError(
  'ConfigInvalid',
  6,
  (d: { problems: readonly ConfigProblem[] }) =>
    `the configuration is not valid:\n${d.problems.map((p) => `  ${p.flag}: ${p.message}${place(p)}`).join('\n')}`,
)

export const PluginNotFound = defineError(
  'PluginNotFound',
  6,
  (d: { flag: string; value: string; tried: readonly string[]; known: readonly string[] }) =>
    `${d.flag} = ${d.value}: no such plugin; built-in: ${d.known.join(', ') || 'none'}; tried: ${d.tried.join(', ')}`,
)

export const PluginLoadFailed = defineError(
  'PluginLoadFailed',
  6,
  (d: { flag: string; value: string; place: string; reason: string }) =>
    `${d.flag} = ${d.value}: ${d.place} could not be loaded: ${d.reason}`,
)

export const PluginInvalid = defineError(
  'PluginInvalid',
  6,
  (d: { plugin: string; place: string; reason: string }) =>
    `${d.place} is not a usable plugin (${d.plugin}): ${d.reason}`,
)

export const PluginContractMismatch = defineError(
  'PluginContractMismatch',
  6,
  (d: { plugin: string; place: string; slot: string; written_for: string; spoken: string; remedy: string }) =>
    `plugin ${d.plugin} (${d.place}) was written for contract ${d.slot} ${d.written_for}, this netloom speaks ${d.spoken}: ${d.remedy}`,
)

export const PluginStartFailed = defineError(
  'PluginStartFailed',
  6,
  (d: { chain: readonly string[]; reason: string }) => `could not start ${d.chain.join(' -> ')}: ${d.reason}`,
)

export const ProgramsMissing = defineError(
  'ProgramsMissing',
  6,
  (d: { programs: readonly string[]; packages: readonly string[] }) =>
    `programs missing on this host: ${d.programs.join(', ')}; install them with \`apt-get install ${d.packages.join(' ')}\``,
)
