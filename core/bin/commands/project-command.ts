import type { Command } from 'commander'
import { withExample } from '../arguments.ts'
import type { Run } from '../session.ts'
import { columns } from './network-command.ts'

/** `netloom project ...` */
export function declare(project: Command, run: Run): void {
  withExample(
    project
      .command('scrub')
      .description('take all networks from a project that is gone, so that others may get them')
      .argument('<project>')
      .action((name: string) =>
        run(async ({ client, output }) => {
          output.list(await (await client()).api.scrubProject(name), columns, `project ${name} had no network`)
        }),
      ),
    'netloom project scrub acme',
  )
}
