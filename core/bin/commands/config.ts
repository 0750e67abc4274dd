/** What `netloom config` does: data and exit status; the caller prints. Nothing of the host or the store is touched. */
import { hostFacts, type Machine, readMachine } from '../../../config/host-facts.ts'
import { readSettings, type SettingsInput } from '../../../config/read-settings.ts'
import { type Declarer, gather } from '../../../config/registry.ts'
import { renderReferenceMarkdown, renderSample } from '../../../config/render-reference.ts'
import type { SettingsLayer } from '../../../config/sources.ts'
import { type EffectiveValue, hasErrors, type Validated, validate } from '../../../config/validate.ts'
import { NetloomError } from '../../errors/base.ts'
import type { ConfigProblem } from '../../errors/boot.ts'
import { readPolicyFile } from '../policy-source.ts'

/** Who declares flags under a configuration. */
export interface Declarations {
  /** The core, the slots and the selected plugins. */
  readonly selected: readonly Declarer[]
  /** Built-in plugins that are not selected. */
  readonly known: readonly Declarer[]
  /** Flags of slots that follow from other flags; any other source wins over them. */
  readonly implied: SettingsLayer
  /** Plugins that could not be found or loaded; the flags of the others are checked all the same. */
  readonly problems: readonly ConfigProblem[]
}

/** Finds out which plugins the settings select. Loads them but creates none. */
export type FindDeclarations = (
  settings: readonly SettingsLayer[],
  facts: Readonly<Record<string, string>>,
) => Promise<Declarations>

export interface CheckResult {
  readonly data: { readonly ok: boolean; readonly problems: readonly ConfigProblem[] }
  readonly exitStatus: 0 | 6
}

export interface ShowResult {
  readonly data: Readonly<Record<string, EffectiveValue>>
  /** For stderr: values that are not valid are shown as they were given. */
  readonly problems: readonly ConfigProblem[]
  readonly exitStatus: 0 | 6
}

/** An error of the search for plugins, as a finding beside the others. @throws what is no configuration error */
function problemOf(error: unknown): ConfigProblem {
  if (!(error instanceof NetloomError) || error.exitStatus !== 6) throw error
  const { flag, value, plugin } = error.details
  const name = [flag, plugin].find((part) => typeof part === 'string') ?? 'plugins'
  const text = typeof value === 'string' ? value : null
  return { level: 'error', flag: name as string, value: text, file: null, line: null, message: error.message }
}

async function look(input: SettingsInput, find: FindDeclarations, machine: Machine): Promise<Validated> {
  const settings = await readSettings(input)
  const facts = hostFacts(machine, settings)
  try {
    const { selected, known, implied, problems } = await find(settings, facts)
    const layers = [implied, ...settings]
    const validated = validate({ registry: gather(selected), known: gather(known), settings: layers, facts })
    const { problems: inPolicy } = await readPolicyFile(validated.values.policy_file as string | null | undefined)
    return { ...validated, problems: [...validated.problems, ...problems, ...inPolicy] }
  } catch (error) {
    // Without declarations no flag can be judged; what is wrong with the files still can.
    const problems = [problemOf(error), ...settings.flatMap((layer) => layer.problems)]
    return { values: {}, origins: {}, effective: {}, problems }
  }
}

/** `netloom config check`: every problem of the configuration in one run; warnings alone are well. */
export async function checkConfig(
  input: SettingsInput,
  find: FindDeclarations,
  machine: Machine = readMachine(),
): Promise<CheckResult> {
  const { problems } = await look(input, find, machine)
  const ok = !hasErrors(problems)
  return { data: { ok, problems }, exitStatus: ok ? 0 : 6 }
}

/** `netloom config show`: the value of every known flag and where it comes from, secrets as `***`. */
export async function showConfig(
  input: SettingsInput,
  find: FindDeclarations,
  machine: Machine = readMachine(),
): Promise<ShowResult> {
  const { effective, problems } = await look(input, find, machine)
  return { data: effective, problems, exitStatus: hasErrors(problems) ? 6 : 0 }
}

/** `netloom config reference`: all flags of the core and of every built-in plugin, whatever is configured. */
export async function renderReference(
  find: FindDeclarations,
  form: 'markdown' | 'sample' = 'markdown',
): Promise<string> {
  const { selected, known } = await find([], hostFacts(readMachine(), []))
  const declarers = [...selected, ...known]
  return form === 'markdown' ? renderReferenceMarkdown(declarers) : renderSample(declarers)
}
