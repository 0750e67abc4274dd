import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { main } from '../../../core/bin/program.ts'
import { migrations } from '../../../drivers/database/sql/schema.ts'

async function run(line: string) {
  let [stdout, stderr] = ['', '']
  const status = await main({
    argv: line.split(' '),
    environment: {},
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  })
  return { status, stdout, stderr }
}

async function statePath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'netloom-db-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

const wanted = migrations.map((migration) => new migration().name)

test('db status looks at a store that is not there and makes nothing; db upgrade makes it, without a service', async () => {
  const path = await statePath()
  const empty = await run(`--state_path=${path} db status --json`)
  expect(JSON.parse(empty.stdout)).toEqual({ backend: 'sqlite', state: 'empty', found: [], wanted })
  expect(existsSync(join(path, 'netloom.sqlite'))).toBe(false)
  expect(await run(`--state_path=${path} db upgrade`)).toEqual({
    status: 0,
    stdout: '',
    stderr: 'the sqlite store has the schema of this release\n',
  })
  const made = { backend: 'sqlite', state: 'current', found: wanted, wanted }
  expect(JSON.parse((await run(`--state_path=${path} db status --json`)).stdout)).toEqual(made)
  expect(JSON.parse((await run(`--state_path=${path} db upgrade --json`)).stdout)).toEqual(made)
  expect((await run(`--state_path=${path} db status`)).stdout).toContain('state    current')
})

test('db upgrade refuses a store of another program with status 4, and db status shows its tables', async () => {
  const path = join(await statePath(), 'nova.sqlite')
  new Database(path).exec('CREATE TABLE networks (id INTEGER)').close()
  const refused = await run(`--sql_connection=sqlite:///${path} db upgrade`)
  expect(refused.status).toBe(4)
  expect(refused.stderr).toContain('schema of another program (tables networks)')
  const { status, stdout } = await run(`--sql_connection=sqlite:///${path} db status --json`)
  expect({ status, ...JSON.parse(stdout) }).toMatchObject({ status: 0, state: 'foreign', found: ['networks'] })
})

test.each([
  { flags: '--db_backend=nowhere', status: 6, message: 'db_backend = nowhere: no such plugin' },
  { flags: '--sql_connection=mysql://netloom', status: 6, message: 'must end with the name of a database' },
  {
    flags: '--sql_connection=mysql://netloom:s3cret@127.0.0.1:1/facts',
    status: 5,
    message: 'the fact store mysql://netloom@127.0.0.1:1/facts is away: connect ECONNREFUSED 127.0.0.1:1; start it',
  },
  { flags: '--l3_lib=nowhere --sql_connection=sqlite://', status: 0, message: '' },
])('db status with $flags ends with $status', async ({ flags, status, message }) => {
  const outcome = await run(`${flags} db status`)
  expect(outcome.stderr).toContain(message)
  expect(outcome.status).toBe(status)
  expect(outcome.stderr).not.toContain('s3cret')
})
