import type { Command } from 'commander'
import type { ConfigProblem } from '../../errors/boot.ts'
import { withExample } from '../arguments.ts'
import type { Run } from '../session.ts'

/** `netloom config ...`: no service is asked, no plugin is created. */
export function declare(config: Command, run: Run): void {
  withExample(
    config
      .command('check')
      .description('find every problem of the configuration; exit status 6 when there is an error')
      .action(() =>
        run(async ({ settings, output }) => {
          const [{ checkConfig }, { selectPlugins }] = await load()
          const { data, exitStatus } = await checkConfig(settings, selectPlugins)
          output.lines(data, data.problems.map(problemLine))
          if (data.problems.length === 0) output.words('the configuration is valid')
          return exitStatus
        }),
      ),
    'netloom --config-file /etc/nova/nova.conf config check',
  )
  withExample(
    config
      .command('show')
      .description('the value of every flag; secrets are masked')
      .option('--origin', 'where each value comes from')
      .action(({ origin: withOrigin = false }: { origin?: boolean }) =>
        run(async ({ settings, output }) => {
          const [{ showConfig }, { selectPlugins }] = await load()
          const { data, problems, exitStatus } = await showConfig(settings, selectPlugins)
          const lines = Object.entries(data).map(([flag, { value, origin }]) => {
            const line = `${flag} = ${valueText(value)}`.trimEnd()
            return withOrigin ? `${line}  # ${origin}` : line
          })
          output.lines(data, lines)
          for (const problem of problems) output.failure(problemLine(problem))
          return exitStatus
        }),
      ),
    'netloom config show --origin',
  )
  withExample(
    config
      .command('reference')
      .description('all flags of the core and of every built-in plugin')
      .option('--sample', 'as a configuration file')
      .action(({ sample = false }: { sample?: boolean }) =>
        run(async ({ output }) => {
          const [{ renderReference }, { selectPlugins }] = await load()
          const reference = await renderReference(selectPlugins, sample ? 'sample' : 'markdown')
          output.text({ reference }, reference)
        }),
      ),
    'netloom config reference --sample > netloom.conf',
  )
}

function load() {
  return Promise.all([import('./config.ts'), import('../plugin-selection.ts')])
}

function problemLine({ level, flag, message, file, line }: ConfigProblem): string {
  const place = file === null ? '' : ` (${file}${line === null ? '' : `:${line}`})`
  return `${level}: ${flag}: ${message}${place}`
}

/** As a configuration file has it. */
function valueText(value: unknown): string {
  if (value === null) return ''
  return Array.isArray(value) ? value.join(',') : String(value)
}
