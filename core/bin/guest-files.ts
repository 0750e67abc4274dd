/** The configuration of a guest as files: printed, or written to a folder. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { InstanceSummary } from '../contracts/network-operations.ts'
import type { NetworkInfo } from '../model/network-info.ts'
import type { Output } from './output.ts'

export const GUEST_FORMATS = ['interfaces', 'nocloud'] as const
export type GuestFormat = (typeof GUEST_FORMATS)[number]

/** Contents by names. */
export type GuestFiles = Readonly<Record<string, string>>

/** @throws {InvalidInput} the service answered a value that must not stand in such a file */
export async function guestFiles(
  format: GuestFormat,
  instance: InstanceSummary,
  info: NetworkInfo,
): Promise<GuestFiles> {
  if (format === 'nocloud') {
    const { noCloudSeed } = await import('../network/guest-config/nocloud.ts')
    return noCloudSeed(instance, info)
  }
  const { interfacesFile } = await import('../network/guest-config/interfaces-file.ts')
  return { interfaces: interfacesFile(info) }
}

/** One file is printed as it is, several with their names above them, as head(1) does. */
export async function showGuestConfig(output: Output, files: GuestFiles, folder: string | undefined): Promise<void> {
  const entries = Object.entries(files)
  if (folder === undefined) {
    const texts = entries.map(([name, content]) => (entries.length === 1 ? content : `==> ${name} <==\n${content}`))
    return output.text(files, texts.join('\n'))
  }
  await mkdir(folder, { recursive: true })
  const paths = entries.map(([name]) => join(folder, name))
  for (const [index, [, content]] of entries.entries()) await writeFile(paths[index]!, content)
  output.lines({ files: paths }, paths)
}
