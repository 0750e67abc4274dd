/** The value of a slot's flag -> a plugin: a file, a built-in short name, or an npm package; each checked before use. */
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PluginContractMismatch, PluginInvalid, PluginLoadFailed, PluginNotFound } from '../errors/boot.ts'
import type { Plugin } from './define-plugin.ts'
import type { AnySlot } from './slot.ts'

/** Short names of the built-in plugins of one slot, with what loads them. */
export type BuiltinTable = Readonly<Record<string, () => Promise<{ readonly default: Plugin }>>>

export interface PluginRequest {
  readonly slot: AnySlot
  readonly value: string
  /** The file that named it; paths are relative to its folder. Null: the current folder. */
  readonly namedIn: string | null
}

export interface ResolvedPlugin {
  readonly plugin: Plugin
  /** `built-in`, a path, or the name of a package. */
  readonly source: string
}

/** @throws {PluginNotFound} @throws {PluginLoadFailed} @throws {PluginInvalid} @throws {PluginContractMismatch} */
export async function resolvePlugin(request: PluginRequest, builtins: BuiltinTable): Promise<ResolvedPlugin> {
  const { slot, namedIn } = request
  const value = slot.aliases[request.value] ?? request.value
  const builtin = Object.hasOwn(builtins, value) ? builtins[value] : undefined
  if (builtin) return checked(slot, (await builtin()).default, value, 'built-in')

  const [path, name = 'default'] = value.replace(/^npm:/, '').split('#', 2) as [string, string?]
  const folder = namedIn === null ? process.cwd() : dirname(resolve(namedIn))
  const url = /^\.{0,2}\//.test(path)
    ? pathToFileURL(resolve(folder, path)).href
    : await packageUrl(request, path, folder, builtins)
  const module = await load(request, url, path)
  return checked(slot, module[name], value, path)
}

async function packageUrl(
  { slot, value }: PluginRequest,
  name: string,
  folder: string,
  builtins: BuiltinTable,
): Promise<string> {
  const { resolve: resolveModule } = await import('import-meta-resolve')
  const tried: string[] = [`built-in ${slot.flag}`]
  for (const parent of [pathToFileURL(`${folder}/`).href, import.meta.url]) {
    try {
      return resolveModule(name, parent)
    } catch (error) {
      tried.push(`package ${name} (${(error as Error).message.split('\n')[0]})`)
    }
  }
  throw new PluginNotFound({ flag: slot.flag, value, tried, known: Object.keys(builtins) })
}

async function load({ slot, value }: PluginRequest, url: string, place: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new PluginLoadFailed({ flag: slot.flag, value, place, reason }, { cause: error })
  }
}

/** By the brand, never `instanceof`: two installed copies of netloom agree on it. */
function checked(slot: AnySlot, exported: unknown, value: string, place: string): ResolvedPlugin {
  const plugin = exported as Partial<Plugin> | null | undefined
  const refuse = (reason: string) => new PluginInvalid({ plugin: plugin?.name ?? value, place, reason })
  if (plugin?.brand !== 'netloom.plugin/1')
    throw refuse('it does not export what definePlugin of netloom/contracts returns')
  if (typeof plugin.name !== 'string' || typeof plugin.create !== 'function')
    throw refuse('it has no name or no create function')
  if (plugin.provides?.id !== slot.id)
    throw refuse(`it is for ${plugin.provides?.flag ?? 'nothing'}, not for ${slot.flag}`)
  checkContract(slot, plugin as Plugin, place)
  return { plugin: plugin as Plugin, source: place }
}

/** The same major; a plugin written for an older minor works, since a minor only adds optional members. */
function checkContract(slot: AnySlot, plugin: Plugin, place: string): void {
  const [major, minor] = plugin.contract.split('.').map(Number) as [number, number]
  const [ourMajor, ourMinor] = slot.contract.split('.').map(Number) as [number, number]
  if (major === ourMajor && minor <= ourMinor) return
  const newer = major > ourMajor || (major === ourMajor && minor > ourMinor)
  throw new PluginContractMismatch({
    plugin: plugin.name,
    place,
    slot: slot.flag,
    written_for: plugin.contract,
    spoken: slot.contract,
    remedy: newer
      ? 'upgrade netloom, or install an older version of the plugin'
      : 'install a newer version of the plugin',
  })
}
