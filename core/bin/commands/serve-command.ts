import type { Command } from 'commander'
import { withExample } from '../arguments.ts'
import type { Run } from '../session.ts'

/** `netloom serve` */
export function declare(serve: Command, run: Run): void {
  serve.action(() =>
    run(async ({ settings }) => {
      const { runService } = await import('../serve.ts')
      return runService(settings)
    }),
  )
  withExample(serve, 'netloom --config-file /etc/netloom/netloom.conf serve')
}
