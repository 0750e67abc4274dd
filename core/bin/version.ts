import { readFileSync } from 'node:fs'

/** The version of this netloom, from the package.json above this file: sources and build lie at different depths. */
export function netloomVersion(): string {
  for (let folder = new URL('../', import.meta.url); folder.pathname !== '/'; folder = new URL('../', folder)) {
    const found = readPackage(new URL('package.json', folder))
    if (found?.name === 'netloom') return found.version
  }
  return 'unknown'
}

function readPackage(file: URL): { readonly name: string; readonly version: string } | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}
