import type { Command } from 'commander'
import { withExample } from '../arguments.ts'
import type { Run } from '../session.ts'

/** `netloom demo` */
export function declare(demo: Command, run: Run): void {
  demo
    .option('--keep', 'leave it standing, and say how to look around and how to take it away')
    .action(({ keep = false }: { keep?: boolean }) =>
      run(async ({ output }) => {
        const { runDemo } = await import('../demo/index.ts')
        return runDemo({ keep, output })
      }),
    )
  withExample(demo, 'netloom demo --keep')
}
