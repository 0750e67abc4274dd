import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'

/** Which of the programs are in no folder of the search path, where the folders of administration tools count as well. */
export function missingPrograms(programs: readonly string[], path: string = process.env.PATH ?? ''): readonly string[] {
  const folders = [...path.split(':').filter(Boolean), '/usr/sbin', '/sbin', '/usr/bin', '/bin']
  return programs.filter((program) => !folders.some((folder) => isExecutable(join(folder, program))))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
