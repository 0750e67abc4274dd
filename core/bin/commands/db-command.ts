import type { Command } from 'commander'
import { withExample } from '../arguments.ts'
import type { Run } from '../session.ts'

/** `netloom db upgrade | status` */
export function declare(db: Command, run: Run): void {
  withExample(
    db
      .command('status')
      .description('what schema the store has; changes nothing')
      .action(() =>
        run(async ({ settings, output }) => {
          const { withStore } = await import('../open-store.ts')
          output.record(await withStore(settings, (database) => database.schemaStatus()))
        }),
      ),
    'netloom db status',
  )
  withExample(
    db
      .command('upgrade')
      .description('make the schema of this release in the store: stop its services and back it up before')
      .action(() =>
        run(async ({ settings, output }) => {
          const { withStore } = await import('../open-store.ts')
          const status = await withStore(settings, (database) => database.upgradeSchema())
          output.done(status, `the ${status.backend} store has the schema of this release`)
        }),
      ),
    'netloom db upgrade',
  )
}
