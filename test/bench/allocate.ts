/**
 * How many addresses a second are claimed through netloom's store, against the same statement sent by the driver alone, on
 * the same server and file in one run. Compare the ratios: the rates depend on the disk, and on what else runs.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Connection, createConnection } from 'mysql2/promise'
import { mysqlDialect } from '../../drivers/database/mysql/dialect.ts'
import { parseTarget } from '../../drivers/database/mysql/target.ts'
import { SqlDatabase } from '../../drivers/database/sql/database.ts'
import { sqliteDialect } from '../../drivers/database/sqlite/dialect.ts'
import { loadSqlite } from '../../drivers/database/sqlite/library.ts'
import { engineFor } from '../drivers/database/engine.ts'
import { mac, newNetwork, TestClock } from '../drivers/database/facts.ts'
import { connect, provideMysqlServer } from '../kit-internal/servers.ts'

const POOL = 200_000
const CLIENTS = [1, 8, 32]
const ROUND_MS = 1500
const ROUNDS = 3

/** Claims one address for an instance. */
type ClaimOne = (instanceUuid: string) => Promise<unknown>

interface Contestant {
  readonly claim: ClaimOne
  close(): Promise<void>
}

/** @param clients how many will claim at the same time */
type Enter = (clients: number) => Promise<Contestant>

const SET = 'instance_uuid = ?, virtual_interface_id = ?, allocated = 1, updated_at = ?'
const paramsOf = (instanceUuid: string) => [instanceUuid, 1, new Date().toISOString(), 1]

export default async function bench(): Promise<void> {
  process.stdout.write('store    clients  driver claims/s  netloom claims/s  ratio\n')
  await onSqlite()
  await onMysql()
}

async function onSqlite(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'netloom-bench-'))
  try {
    const [ours, raw] = [join(folder, 'ours.sqlite'), join(folder, 'raw.sqlite')]
    for (const file of [ours, raw]) await makePool(`sqlite:///${file}`)
    const Sqlite = await loadSqlite()
    let rowsMade = false
    const driver: Enter = async () => {
      const file = new Sqlite(raw)
      file.pragma('synchronous = FULL')
      if (!rowsMade) for (const sql of everyRow()) file.exec(sql)
      rowsMade = true
      const where = `network_id = ? AND ${sqliteDialect.conditions.fixedIpFree}`
      const pick = `SELECT id FROM fixed_ips WHERE ${where} ORDER BY updated_at, number LIMIT 1`
      const statement = file.prepare(`UPDATE fixed_ips SET ${SET} WHERE id = (${pick}) RETURNING *`)
      return {
        claim: async (instanceUuid) => statement.get(...paramsOf(instanceUuid)),
        close: async () => void file.close(),
      }
    }
    await compete('sqlite', driver, throughNetloom(`sqlite:///${ours}`))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function onMysql(): Promise<void> {
  const { server, stop } = await provideMysqlServer()
  const admin = await connect(server)
  const [ours, raw] = [`netloom_test_${process.pid}_1`, `netloom_test_${process.pid}_2`]
  try {
    for (const name of [ours, raw]) {
      await admin.query(`CREATE DATABASE ${name}`)
      await makePool(`${server}/${name}`)
    }
    await admin.query(`USE ${raw}`)
    for (const sql of everyRow()) await admin.query(sql)
    const driver: Enter = async (clients) => {
      const target = parseTarget(`${server}/${raw}`).target!
      const connections = await Promise.all(Array.from({ length: clients }, () => createConnection(target)))
      for (const connection of connections)
        await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
      const idle = [...connections]
      const sql = `UPDATE fixed_ips FORCE INDEX (ix_fixed_ips_unused) SET ${SET}, id = LAST_INSERT_ID(id)
        WHERE network_id = ? AND ${mysqlDialect.conditions.fixedIpFree} ORDER BY updated_at, number LIMIT 1`
      return {
        async claim(instanceUuid) {
          const connection = idle.pop() as Connection
          await connection.query(sql, paramsOf(instanceUuid))
          idle.push(connection)
        },
        close: async () => void (await Promise.all(connections.map((connection) => connection.end()))),
      }
    }
    await compete('mysql', driver, throughNetloom(`${server}/${ours}`))
  } finally {
    for (const name of [ours, raw]) await admin.query(`DROP DATABASE IF EXISTS ${name}`)
    await admin.end()
    await stop()
  }
}

function throughNetloom(connection: string): Enter {
  return async () => {
    const database = new SqlDatabase(await engineFor(connection), { nowMs: () => Date.now() })
    await database.open()
    return {
      claim: (instanceUuid) =>
        database.transaction((store) =>
          store.fixedIps.claimFromPool({ networkId: 1, instanceUuid, virtualInterfaceId: 1 }),
        ),
      close: () => database.close(),
    }
  }
}

/** A store with one large network, and an interface to claim for. */
async function makePool(connection: string): Promise<void> {
  const database = new SqlDatabase(await engineFor(connection), new TestClock())
  await database.open()
  await database.transaction(async ({ networks, virtualInterfaces }) => {
    const { id } = await networks.create(newNetwork('10.0.0.0/8'))
    await virtualInterfaces.create({ uuid: randomUUID(), address: mac(1), network_id: id, instance_uuid: randomUUID() })
  })
  await database.close()
}

/** Statements that make a row of each address: the driver alone does not divide runs of them. */
function* everyRow(): Generator<string> {
  yield 'DELETE FROM fixed_ips'
  for (let first = 0; first < POOL; first += 1000) {
    const rows = Array.from({ length: 1000 }, (_, index) => `(1, '${first + index}', ${first + index}, '2026')`)
    yield `INSERT INTO fixed_ips (network_id, address, number, created_at) VALUES ${rows.join(', ')}`
  }
}

/** Turn by turn, so that what else the machine does hits both. */
async function compete(store: string, driver: Enter, netloom: Enter): Promise<void> {
  for (const clients of CLIENTS) {
    const rates: { driver: number[]; netloom: number[] } = { driver: [], netloom: [] }
    for (let round = 0; round < ROUNDS; round++) {
      rates.driver.push(await rateOf(driver, clients))
      rates.netloom.push(await rateOf(netloom, clients))
    }
    const [raw, ours] = [median(rates.driver), median(rates.netloom)]
    const cells = [store.padEnd(7), pad(clients, 8), pad(raw, 15), pad(ours, 16), (ours / raw).toFixed(2).padStart(5)]
    process.stdout.write(`${cells.join('  ')}\n`)
  }
}

async function rateOf(enter: Enter, clients: number): Promise<number> {
  const { claim, close } = await enter(clients)
  await claim(randomUUID())
  const began = performance.now()
  let done = 0
  const client = async () => {
    while (performance.now() - began < ROUND_MS) {
      await claim(randomUUID())
      done += 1
      // A driver that never waits would let the first client do all the work.
      if (done % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (performance.now() - began) / 1000
  await close()
  return done / seconds
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

function pad(value: number, width: number): string {
  return Math.round(value).toString().padStart(width)
}
