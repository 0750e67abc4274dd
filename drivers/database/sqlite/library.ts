import type Database from 'better-sqlite3'
import { PluginStartFailed } from 'netloom/contracts'

/** The constructor of connections. */
export type Sqlite = typeof Database

/**
 * Loads better-sqlite3, an optional dependency with a part in C++ that `npm ci` may have left out.
 * @param load imports the package
 * @throws {PluginStartFailed}
 */
export async function loadSqlite(
  load: () => Promise<{ default: Sqlite }> = () => import('better-sqlite3'),
): Promise<Sqlite> {
  try {
    const { default: Sqlite } = await load()
    // The binding is loaded by the first connection only.
    new Sqlite(':memory:').close()
    return Sqlite
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]
    throw new PluginStartFailed(
      {
        chain: ['db_backend = sqlite', 'better-sqlite3'],
        reason:
          `the package does not load (${reason}): run \`npm rebuild better-sqlite3\`, which needs python3, make, a C++ ` +
          "compiler and Node's headers (npm_config_nodedir names their place), or choose another db_backend",
      },
      { cause: error },
    )
  }
}
