import { SchemaMismatch } from 'netloom/contracts'
import type { MigrationInterface, QueryRunner } from 'typeorm'
import { TableColumn } from 'typeorm'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { SqlDatabase } from '../../../drivers/database/sql/database.ts'
import { migrations } from '../../../drivers/database/sql/schema.ts'
import { bundle } from '../../kit-internal/bundle.ts'
import { engineFor } from './engine.ts'
import { allocate, newNetwork, openDatabase, TestClock } from './kit.ts'
import { engineName, makePlace, type Place } from './places.ts'
import { startChild } from './processes/start.ts'

const ALL = migrations.map((migration) => new migration().name)
const LATER = 'Later-7.8.9-1895478400000'

/** A store that is connected to by the first question. */
async function unopened({ connection }: Place): Promise<SqlDatabase> {
  const database = new SqlDatabase(await engineFor(connection), new TestClock())
  onTestFinished(() => database.close())
  return database
}

/** Has a netloom that knows one more migration for the rest of the test. */
function learn(up: (runner: QueryRunner) => Promise<unknown>): void {
  migrations.push(
    class implements MigrationInterface {
      readonly name = LATER
      async up(runner: QueryRunner): Promise<void> {
        await up(runner)
      }
      async down(): Promise<void> {}
    },
  )
}

let known: typeof migrations
beforeEach(() => {
  known = [...migrations]
  return () => void migrations.splice(0, migrations.length, ...known)
})

describe('the schema', () => {
  test('is kept, with its facts, when the store is opened again', async () => {
    const place = await makePlace()
    const first = await openDatabase({ place })
    await first.transaction((store) => store.networks.create(newNetwork('10.0.0.0/24')))
    await first.close()
    const second = await openDatabase({ place })
    expect((await second.read((store) => store.networks.list())).map((network) => network.cidr)).toEqual([
      '10.0.0.0/24',
    ])
  })

  test('is made once when several processes open an empty store at the same moment', async () => {
    const script = await bundle('test/drivers/database/processes/worker.ts', 'database-worker')
    for (let round = 0; round < 3; round++) {
      const { connection } = await makePlace()
      const children = Array.from({ length: 4 }, () => startChild(script, [connection, 'open']))
      expect(await Promise.all(children.map((child) => child.ended))).toEqual(
        Array(4).fill({ code: 0, output: 'open\n' }),
      )
    }
  })

  test('of another program is refused, and left alone', async () => {
    const place = await makePlace()
    await place.query('CREATE TABLE networks (id INTEGER)')
    await place.query('CREATE TABLE migrations (id INTEGER)')
    const status = { backend: engineName, state: 'foreign', found: ['migrations', 'networks'], wanted: ALL }
    const database = await unopened(place)
    const refusal = 'the fact store has schema of another program (tables migrations, networks)'
    await expect(database.upgradeSchema()).rejects.toThrow(refusal)
    expect(await database.schemaStatus()).toEqual(status)
    await expect((await unopened(place)).open()).rejects.toThrow(refusal)
    expect(await (await unopened(place)).schemaStatus()).toEqual(status)
  })

  test('is told of an empty store without making anything, and made by an upgrade', async () => {
    const place = await makePlace()
    const before = await unopened(place)
    expect(await before.schemaStatus()).toEqual({ backend: engineName, state: 'empty', found: [], wanted: ALL })
    const database = await unopened(place)
    expect(await database.schemaStatus()).toMatchObject({ state: 'empty' })
    const made = { backend: engineName, state: 'current', found: ALL, wanted: ALL }
    expect(await database.upgradeSchema()).toEqual(made)
    expect(await database.upgradeSchema()).toEqual(made)
    expect(await (await openDatabase({ place })).read((store) => store.networks.list())).toEqual([])
  })

  test('that is older is refused until it is upgraded, and then by older programs, with the release that they lack', async () => {
    const place = await makePlace()
    const first = await openDatabase({ place })
    await first.transaction((store) => store.networks.create(newNetwork('10.0.0.0/24')))
    await first.close()

    learn((runner) =>
      runner.addColumn('services', new TableColumn({ name: 'mood', type: 'varchar', length: '9', isNullable: true })),
    )
    const refused = await (await unopened(place)).open().catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(SchemaMismatch)
    expect((refused as Error).message).toBe(
      `the fact store has schema ${ALL.join(', ')}, this program needs ${[...ALL, LATER].join(', ')}: ` +
        'stop its services, back it up, and run `netloom db upgrade`',
    )
    const database = await unopened(place)
    expect(await database.schemaStatus()).toMatchObject({ state: 'older', found: ALL })
    expect(await database.upgradeSchema()).toMatchObject({ state: 'current', found: [...ALL, LATER] })
    expect(await place.query('SELECT mood FROM services')).toEqual([])
    expect(await (await openDatabase({ place })).read((store) => store.networks.list())).toHaveLength(1)

    migrations.pop()
    const older = await unopened(place)
    expect(await older.schemaStatus()).toMatchObject({ state: 'newer', found: [...ALL, LATER], wanted: ALL })
    const remedy = 'run netloom 7.8.9 or newer, or point the flag sql_connection at an empty store'
    await expect(older.upgradeSchema()).rejects.toThrow(remedy)
    await expect((await unopened(place)).open()).rejects.toThrow(remedy)
  })

  test('of a release where each address was a row keeps its addresses, and the order in which they are given', async () => {
    const place = await makePlace()
    const before = migrations.splice(
      migrations.findIndex((migration) => new migration().name.startsWith('AddressRuns')),
    )
    await (await openDatabase({ place })).close()
    await place.query(
      `INSERT INTO networks (uuid, label, cidr, created_at) VALUES ('n', 'old', '10.255.0.248/29', '2026'), ('m', 'no IPv4', NULL, '2026')`,
    )
    const used = ['2026-01-04', '2026-01-03', '2026-01-02', null, '2026-01-01', null, '2026-01-05', null]
    for (const [index, updated_at] of used.entries()) {
      await place.query(
        `INSERT INTO fixed_ips (network_id, address, reserved, allocated, instance_uuid, created_at, updated_at)
          VALUES (1, ?, ?, ?, ?, '2026', ?)`,
        [`10.255.0.${248 + index}`, index === 7 ? 1 : 0, index === 6 ? 1 : 0, index === 6 ? 'x' : null, updated_at],
      )
    }
    migrations.push(...before)
    await (await unopened(place)).upgradeSchema()
    const database = await openDatabase({ place })
    const [network] = await database.read((store) => store.networks.list())
    expect(await database.read((store) => store.networks.usages())).toEqual(
      new Map([
        [1, { used: 1, held: 0, reserved: 1, free: 6 }],
        [2, { used: 0, held: 0, reserved: 0, free: 0 }],
      ]),
    )
    const order = []
    for (let number = 1; number <= 6; number++) {
      order.push((await database.transaction((store) => allocate(store, network!, number))).fixedIp.address)
    }
    expect(order).toEqual([251, 253, 252, 250, 249, 248].map((last) => `10.255.0.${last}`))
    await database.transaction((store) => store.pools.unreserve(1, { first: '10.255.0.255', last: '10.255.0.255' }, []))
  })

  test('that an upgrade left half way is refused, and finished by another upgrade', async () => {
    const place = await makePlace()
    await (await openDatabase({ place })).close()
    let powerFails = true
    learn(async (runner) => {
      if (!(await runner.hasColumn('services', 'mood'))) {
        await runner.addColumn('services', new TableColumn({ name: 'mood', type: 'integer', default: '0' }))
      }
      if (powerFails) throw new Error('power failure')
      await runner.addColumn('services', new TableColumn({ name: 'more', type: 'integer', default: '0' }))
    })
    const database = await unopened(place)
    await expect(database.upgradeSchema()).rejects.toThrow('power failure')
    // An engine that changes tables inside transactions has nothing half done.
    const state = engineName === 'sqlite' ? 'older' : 'partial'
    expect(await database.schemaStatus()).toMatchObject({ state, found: ALL })
    await expect((await unopened(place)).open()).rejects.toThrow('run `netloom db upgrade`')
    powerFails = false
    expect(await database.upgradeSchema()).toMatchObject({ state: 'current', found: [...ALL, LATER] })
    expect(await place.query('SELECT mood, more FROM services')).toEqual([])
  })
})
