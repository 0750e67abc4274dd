import { expect, test } from 'vitest'
import { hostFacts, readMachine } from '../../../config/host-facts.ts'
import { readSettings } from '../../../config/read-settings.ts'
import { showConfig } from '../../../core/bin/commands/config.ts'
import { selectPlugins } from '../../../core/bin/plugin-selection.ts'

const given = (...commandLine: string[]) => ({ configFiles: [], environment: {}, commandLine })

async function selectedFor(slot: string, ...commandLine: string[]): Promise<string | undefined> {
  const settings = await readSettings(given(...commandLine))
  const { plugins } = await selectPlugins(settings, hostFacts(readMachine(), settings))
  return plugins.find(({ plugin }) => plugin.provides.flag === slot)?.plugin.name
}

test.each([
  { flags: [], backend: 'sqlite' },
  { flags: ['--sql_connection=mysql://nova:pw@db/nova'], backend: 'mysql' },
  { flags: ['--sql_connection=mysql+pymysql://nova:pw@db/nova?charset=utf8'], backend: 'mysql' },
  { flags: ['--sql_connection=sqlite:////tmp/x'], backend: 'sqlite' },
  { flags: ['--scheme=mysql', '--sql_connection=$scheme://nova:pw@db/nova'], backend: 'mysql' },
  { flags: ['--sql_connection=mysql://nova:pw@db/nova', '--db_backend=sqlite'], backend: 'sqlite' },
  { flags: ['--sql_connection=postgresql://nova:pw@db/nova'], backend: 'sqlite' },
  { flags: ['--db_backend=mysql'], backend: 'mysql' },
])('the store of $flags is $backend: sql_connection tells it where db_backend does not', async ({ flags, backend }) => {
  expect(await selectedFor('db_backend', ...flags)).toBe(backend)
})

test.each([
  [['--fake_network=True'], 'noop'],
  [['--fake_network=on'], 'noop'],
  [['--fake_network=YES'], 'noop'],
  [['--fake_network=1'], 'noop'],
  [['--fake_network=False'], 'linux'],
  [['--fake_network=off'], 'linux'],
  [['--fake_network=true', '--host_driver=linux'], 'linux'],
])('the host driver of %s is %s: fake_network of nova is one that changes nothing', async (flags, driver) => {
  expect(await selectedFor('host_driver', ...flags)).toBe(driver)
})

test('what sql_connection chose is shown as the value of db_backend, and the password is not', async () => {
  const { data, exitStatus } = await showConfig(given('--sql_connection=mysql://nova:pw@db/nova'), selectPlugins)
  expect(data.db_backend).toEqual({ value: 'mysql', origin: 'another flag' })
  expect(data.sql_connection).toEqual({ value: '***', origin: 'command line' })
  expect(exitStatus).toBe(0)
})

test.each([
  { flags: ['--db_backend=mysql'], problem: 'sql_connection must be mysql://user:password@host:port/database' },
  {
    flags: ['--sql_connection=mysql://nova:s3cr#t@db/nova'],
    problem: 'write characters such as / # @ : of a password',
  },
  {
    flags: ['--sql_connection=postgresql://nova:s3cret@db/nova'],
    problem: 'or mysql://user:password@host:port/database',
  },
])('$flags is a problem of the configuration, told without the password', async ({ flags, problem }) => {
  const { problems, exitStatus } = await showConfig(given(...flags), selectPlugins)
  expect(problems).toMatchObject([{ level: 'error', message: expect.stringContaining(problem) }])
  expect(JSON.stringify(problems)).not.toContain('s3cr')
  expect(exitStatus).toBe(6)
})
