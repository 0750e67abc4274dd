import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'

/** The database that lives as long as the process. */
export const MEMORY = ':memory:'

/**
 * Where the store is, from the flag `sql_connection`: `sqlite:///` and an absolute path, or `sqlite://` for memory.
 * @returns null for anything else
 */
export function databaseOf(sqlConnection: string): string | null {
  if (sqlConnection === 'sqlite://' || sqlConnection === `sqlite:///${MEMORY}`) return MEMORY
  const path = /^sqlite:\/\/\/(.+)$/.exec(sqlConnection)?.[1]
  return path !== undefined && isAbsolute(path) ? path : null
}

/** Makes the file, for its owner alone, and the directories that lead to it, unless they are there. */
export function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  try {
    // Never opens a file that is there: closing it would end the locks that this process has on it (fcntl(2)).
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
