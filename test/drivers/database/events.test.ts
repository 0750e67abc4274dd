import {
  adminContext,
  type EventDraft,
  eventOf,
  FeedReader,
  type JsonObject,
  type ManagerServices,
  type NetworkEvent,
  type RpcDriver,
} from 'netloom/contracts'
import { RecordingLogger } from 'netloom/testing'
import { describe, expect, test } from 'vitest'
import { recorded } from '../../../core/network/event-log.ts'
import { listEvents } from '../../../core/network/events.ts'
import type { SqlDatabase } from '../../../drivers/database/sql/database.ts'
import { allocate, openDatabase, poolOf, TestClock, uuid } from './kit.ts'
import { engineName, explain, makePlace, type Statement } from './places.ts'

const lease = (number: number): EventDraft => ({
  type: 'network.fixed_ip.lease',
  address: `10.0.0.${number % 250}`,
  instance_uuid: uuid(number),
  project_id: number % 2 === 0 ? 'even' : 'odd',
  payload: { mac: `mac ${number}` },
})
const nobody = { request_id: null, user_id: null }
const append = (database: SqlDatabase, ...drafts: readonly EventDraft[]) =>
  database.transaction((store) => store.events.append(drafts.map((draft) => eventOf(draft, nobody))))
const all = (database: SqlDatabase) => database.read((store) => store.events.after(0, 1000, {}))
const macs = (events: readonly NetworkEvent[]) => events.map(({ payload }) => (payload as { mac: string }).mac)

/** An operator who follows what happens. */
function follower(database: SqlDatabase, clock: TestClock) {
  const services = { database, clock } as unknown as ManagerServices
  return new FeedReader<NetworkEvent>((position) => listEvents(services, adminContext('test'), { position }))
}

/** What `recorded` needs, with a bus that remembers. */
function servicesOf(database: SqlDatabase) {
  const told: JsonObject[] = []
  const rpc = { fanout: async (_topic: string, _method: string, args: JsonObject) => void told.push(args) }
  return { database, rpc: rpc as unknown as RpcDriver, logger: new RecordingLogger(), told }
}

describe('events', () => {
  test('are as they were written, in order, and are found by all that they name', async () => {
    const database = await openDatabase()
    await append(database, lease(1), lease(2))
    await append(database, {
      type: 'network.network.delete',
      network_uuid: uuid(9),
      payload: { label: 'x', cidr: null, cidr_v6: null },
    })
    const events = await all(database)
    expect(events.map(({ id, created_at, ...event }) => event)).toEqual([
      { ...lease(1), network_uuid: null, host: null, ...nobody },
      { ...lease(2), network_uuid: null, host: null, ...nobody },
      expect.objectContaining({ type: 'network.network.delete', address: null, network_uuid: uuid(9) }),
    ])
    const ids = events.map(({ id }) => id)
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
    const find = (filter: Parameters<Parameters<Parameters<typeof database.read>[0]>[0]['events']['after']>[2]) =>
      database.read(async (store) => (await store.events.after(0, 9, filter)).map(({ id }) => id))
    expect(await find({ projectId: 'odd' })).toEqual([ids[0]])
    expect(await find({ instanceUuid: uuid(2) })).toEqual([ids[1]])
    expect(await find({ address: '10.0.0.2', projectId: 'even' })).toEqual([ids[1]])
    expect(await find({ types: ['network.network.delete', 'network.network.create'] })).toEqual([ids[2]])
    expect(await find({ since: '2026-11-01T00:00:00.000Z' })).toEqual(ids)
    expect(await find({ since: '2026-11-01T00:00:00.001Z' })).toEqual([])
    expect(await database.read((store) => store.events.after(ids[0]!, 1, {}))).toMatchObject([{ id: ids[1] }])
    expect(macs(await database.read((store) => store.events.ofAddress('10.0.0.1')))).toEqual(['mac 1'])
  })

  test('any number of them is one statement, and reading them follows an index', async () => {
    const place = await makePlace()
    const database = await openDatabase({ place })
    const statements: Statement[] = []
    database.onStatement = (...statement) => statements.push(statement)
    await append(database, ...Array.from({ length: 300 }, (_, number) => lease(number)))
    expect(statements).toHaveLength(1)
    statements.length = 0
    await database.read(async ({ events }) => {
      await events.ofAddress('10.0.0.1')
      await events.positions('2026')
      await events.after(200, 10, { instanceUuid: uuid(1) })
    })
    for (const statement of statements) {
      // A table that is only counted from its ends is not read at all.
      for (const line of await explain(place, statement))
        expect(line).toMatch(/USING|SCAN CONSTANT|SEARCH|SUBQUERY|null row/)
    }
  })

  test('are forgotten in small steps once they are old, but never the newest', async () => {
    const clock = new TestClock()
    const database = await openDatabase({ clock })
    await append(database, ...Array.from({ length: 25 }, (_, number) => lease(number)))
    clock.ms += 1000
    const before = clock.text
    const forget = (time: string) => database.transaction((store) => store.events.forget(time, 10))
    await append(database, lease(100))
    expect([await forget(before), await forget(before), await forget(before), await forget(before)]).toEqual([
      10, 10, 5, 0,
    ])
    clock.ms += 1000
    expect(await forget(clock.text)).toBe(0)
    expect(macs(await all(database))).toEqual(['mac 100'])
  })
})

describe('a reader of events', () => {
  test('misses none and takes none twice while several write (lessons G2)', async () => {
    const clock = new TestClock()
    const place = await makePlace()
    const writers = await Promise.all([1, 2, 3].map(() => openDatabase({ place, clock })))
    const reader = follower(await openDatabase({ place, clock }), clock)
    const taken: string[] = []
    const read = () => reader.read((fresh) => void taken.push(...macs(fresh)))
    const writing = Promise.all(
      writers.flatMap((database, writer) =>
        Array.from({ length: 40 }, (_, n) =>
          append(database, ...[0, 1, 2, 3, 4].map((k) => lease(1000 * writer + 5 * n + k))),
        ),
      ),
    )
    let done = false
    void writing.finally(() => {
      done = true
    })
    while (!done) await read()
    await writing
    await read()
    expect(new Set(taken).size).toBe(600)
    expect(taken).toHaveLength(600)
    clock.ms += 61_000
    await append(writers[0]!, lease(9999))
    await read()
    await read()
    expect(taken.slice(600)).toEqual(['mac 9999'])
  })

  test.runIf(engineName === 'mysql')('finds the one with a lower number that was committed late', async () => {
    const clock = new TestClock()
    const place = await makePlace()
    const [slow, quick] = [await openDatabase({ place, clock }), await openDatabase({ place, clock })]
    const reader = follower(quick, clock)
    const taken: string[] = []
    const read = () => reader.read((fresh) => void taken.push(...macs(fresh)))
    let commit: () => void = () => {}
    const held = new Promise<void>((resolve) => {
      commit = resolve
    })
    let written: () => void = () => {}
    const isWritten = new Promise<void>((resolve) => {
      written = resolve
    })
    const late = slow.transaction(async (store) => {
      await store.events.append([eventOf(lease(1), nobody)])
      written()
      await held
    })
    await isWritten
    try {
      await append(quick, lease(2))
      await read()
      expect(taken).toEqual(['mac 2'])
    } finally {
      commit()
      await late
    }
    await read()
    expect(taken).toEqual(['mac 2', 'mac 1'])
    expect(macs(await all(quick))).toEqual(['mac 1', 'mac 2'])
  })

  test('is told when what it has not taken is forgotten', async () => {
    const clock = new TestClock()
    const database = await openDatabase({ clock })
    const reader = follower(database, clock)
    await append(database, lease(1))
    const { id } = (await all(database))[0]!
    reader.startAt(id)
    await append(database, lease(2), lease(3))
    clock.ms += 61_000
    await database.transaction((store) => store.events.forget(clock.text, 10))
    const taken: string[] = []
    expect(await reader.read((fresh) => void taken.push(...macs(fresh)))).toBe(false)
    expect(taken).toEqual([])
  })
})

describe('a change that is recorded', () => {
  test('leaves no event, and nothing is told, when it fails after it has changed rows (defects-manager C8)', async () => {
    const database = await openDatabase()
    const services = servicesOf(database)
    const network = await database.transaction((store) => store.networks.create(poolOf(3)))
    const failing = recorded(services, async (store, emit) => {
      await allocate(store, network, 1)
      emit(lease(1))
      throw new Error('the disk is full')
    })
    await expect(failing).rejects.toThrow('the disk is full')
    expect(await all(database)).toEqual([])
    expect(await database.read((store) => store.fixedIps.list({}))).toEqual([])
    expect([services.told, services.logger.lines]).toEqual([[], []])
  })

  test('is undone when its event cannot be written', async () => {
    const place = await makePlace()
    const database = await openDatabase({ place })
    const services = servicesOf(database)
    const network = await database.transaction((store) => store.networks.create(poolOf(3)))
    await place.query('ALTER TABLE events RENAME TO elsewhere')
    const failing = recorded(services, async (store, emit) => {
      await allocate(store, network, 1)
      emit(lease(1))
    })
    await expect(failing).rejects.toThrow('events')
    expect(await database.read((store) => store.fixedIps.list({}))).toEqual([])
    expect(services.told).toEqual([])
  })

  test('tells each event once, though the transaction was done again, alone or in a group', async () => {
    const database = await openDatabase()
    const services = servicesOf(database)
    let attempts = 0
    const works = Array.from({ length: 5 }, (_, number) =>
      recorded(services, async (_store, emit) => {
        attempts += 1
        emit(lease(number))
        if (number === 3) throw new Error('not this one')
      }).catch(() => {}),
    )
    // One that fails after it wrote has the group done again.
    const spoiler = database.transaction(async (store) => {
      await store.events.append([eventOf(lease(99), nobody)])
      throw new Error('undo')
    })
    await expect(spoiler).rejects.toThrow('undo')
    await Promise.all(works)
    expect(attempts).toBeGreaterThan(5)
    expect(macs(await all(database)).sort()).toEqual(['mac 0', 'mac 1', 'mac 2', 'mac 4'])
    expect(services.told).toHaveLength(4)
    expect(services.logger.messages('info')).toEqual(Array(4).fill('network.fixed_ip.lease'))
  })

  test('without events writes nothing and tells nothing', async () => {
    const database = await openDatabase()
    const services = servicesOf(database)
    const statements: string[] = []
    database.onStatement = (sql) => statements.push(sql)
    await recorded(services, (store) => store.networks.list())
    expect(statements).toHaveLength(1)
    expect(services.told).toEqual([])
  })
})
