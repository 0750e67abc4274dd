import { readFileSync } from 'node:fs'
import { packageFolder } from './package-folder.ts'

/** The version of this netloom. */
export function netloomVersion(): string {
  return JSON.parse(readFileSync(`${packageFolder()}package.json`, 'utf8')).version
}
