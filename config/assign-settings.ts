import type { ConfigProblem } from '../core/errors/boot.ts'
import { isForeignFamily, isForeignFlag, whyWithoutEffect } from './foreign-flags.ts'
import { nearestName } from './nearest-name.ts'
import type { Declaration } from './registry.ts'
import type { Setting, SettingsLayer } from './sources.ts'

/** Where a value comes from. */
export interface Origin {
  readonly source: 'default' | SettingsLayer['source']
  /** Null outside files. */
  readonly file: string | null
  /** Null outside files. */
  readonly line: number | null
}

/** What the winning source says of one flag. */
export interface Assigned {
  /** More than one text when the flag is repeated there. */
  readonly texts: readonly string[]
  readonly origin: Origin
}

/** What a problem names as `file`: the file, `environment` or `command line`; null for a default. */
export function placeOf(origin: Origin): string | null {
  return origin.source === 'default' ? null : (origin.file ?? origin.source)
}

type Find = (name: string) => Declaration | null

/** The flag and text that are meant, with `--flag` and `--noflag` as texts; null when the flag needs a value. */
function meaning(setting: Setting, find: Find): { name: string; text: string } | null {
  if (setting.value !== null) return { name: setting.flag, text: setting.value }
  const declared = find(setting.flag)
  if (declared) return declared.option.kind === 'boolean' ? { name: setting.flag, text: 'true' } : null
  const positive = /^no_?(.+)$/.exec(setting.flag)?.[1] ?? ''
  if (find(positive)?.option.kind === 'boolean' || isForeignFlag(positive) || whyWithoutEffect(positive) !== null)
    return { name: positive, text: 'false' }
  return { name: setting.flag, text: 'true' }
}

function isPassedOver(name: string, layer: SettingsLayer, names: readonly string[]): boolean {
  if (layer.source !== 'file') return false
  return isForeignFlag(name) || (isForeignFamily(name) && nearestName(name, names, 1) === null)
}

/**
 * Finds out which flag each setting is for and which source wins it. Settings of flags that nobody declares are kept
 * under their own name, as other values may refer to them.
 * @param names all flags that are declared, for the nearest name of one that is not
 */
export function assignSettings(
  layers: readonly SettingsLayer[],
  find: Find,
  names: readonly string[],
): { assigned: ReadonlyMap<string, Assigned>; problems: readonly ConfigProblem[]; unknown: readonly ConfigProblem[] } {
  const assigned = new Map<string, Assigned>()
  const problems: ConfigProblem[] = []
  const unknown: ConfigProblem[] = []
  const named = new Set<string>()

  for (const layer of layers) {
    const ofLayer = new Map<string, Assigned>()
    for (const setting of layer.settings) {
      const { line } = setting
      const origin: Origin = { source: layer.source, file: layer.file, line }
      const found = (level: ConfigProblem['level'], flag: string, message: string): ConfigProblem => ({
        ...{ level, flag, value: null, file: placeOf(origin), line, message },
      })
      const meant = meaning(setting, find)
      if (meant === null) {
        problems.push(found('error', setting.flag, 'needs a value: write --flag=value'))
        continue
      }
      const flag = find(meant.name)?.flag
      const key = flag ?? meant.name
      ofLayer.set(key, { texts: [...(ofLayer.get(key)?.texts ?? []), meant.text], origin })
      if (flag !== undefined && flag !== meant.name) {
        problems.push(found('warning', meant.name, `is an old name: write ${flag}`))
      } else if (flag === undefined && layer.source === 'file' && whyWithoutEffect(meant.name) !== null) {
        unknown.push(found('warning', meant.name, `has no effect: ${whyWithoutEffect(meant.name)}`))
      } else if (flag === undefined && !isPassedOver(meant.name, layer, names)) {
        const level = layer.source === 'command line' ? 'error' : 'warning'
        if (named.has(`${level} ${meant.name}`)) continue
        named.add(`${level} ${meant.name}`)
        const near = nearestName(meant.name, names)
        unknown.push(found(level, meant.name, `there is no such flag${near ? `; did you mean ${near}?` : ''}`))
      }
    }
    for (const [key, value] of ofLayer) assigned.set(key, value)
  }
  return { assigned, problems, unknown }
}
