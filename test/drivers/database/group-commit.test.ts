import { AsyncLocalStorage } from 'node:async_hooks'
import type { NetworkStore } from 'netloom/contracts'
import type { QueryRunner } from 'typeorm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { SqlDatabase } from '../../../drivers/database/sql/database.ts'
import type { Session } from '../../../drivers/database/sql/session.ts'
import { writeGroup } from '../../../drivers/database/sql/transaction.ts'
import { engineFor } from './engine.ts'
import { allocate, newNetwork, poolOf, TestClock } from './kit.ts'
import { makePlace } from './places.ts'

/** A store whose commits are counted, and fail as a test wants. */
async function countedStore() {
  const engine = await engineFor((await makePlace()).connection)
  const counted = { commits: 0, failures: [] as unknown[] }
  const commit = engine.commit.bind(engine)
  engine.commit = async (runner, changed) => {
    const failure = counted.failures.shift()
    if (failure !== undefined) throw failure
    await commit(runner, changed)
    counted.commits += 1
  }
  const database = new SqlDatabase(engine, new TestClock())
  await database.open()
  onTestFinished(() => database.close())
  const network = await database.transaction((store) => store.networks.create(poolOf(200)))
  counted.commits = 0
  return { database, counted, network }
}

/** What the engine says when another transaction won. */
const conflict = Object.assign(new Error('conflict'), { code: 'SQLITE_BUSY', errno: 1213 })

const labels = async (store: NetworkStore) => (await store.networks.list()).map(({ label }) => label)

describe('works that wait at the same time', () => {
  test('share commits, 32 each, and a promise is kept only after the commit', async () => {
    const { database, counted, network } = await countedStore()
    const commitsSeen: number[] = []
    const claims = Array.from({ length: 100 }, async (_, index) => {
      const { fixedIp } = await database.transaction((store) => allocate(store, network, 1 + index))
      commitsSeen.push(counted.commits)
      return fixedIp.address
    })
    expect(new Set(await Promise.all(claims)).size).toBe(100)
    expect(counted.commits).toBe(4)
    expect(commitsSeen).not.toContain(0)
  })

  test('fail alone, and what a failed one did is gone before the next begins', async () => {
    const { database, counted } = await countedStore()
    const create = (label: string, fails: boolean) =>
      database.transaction(async (store) => {
        const before = await labels(store)
        await store.networks.create(newNetwork(`10.${label.length}.0.0/28`, { label }))
        if (fails) throw new Error(`${label} failed`)
        return before
      })
    const outcomes = await Promise.allSettled([create('1', false), create('22', true), create('333', false)])
    const [first] = await database.read(labels)
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: [first] },
      { status: 'rejected', reason: new Error('22 failed') },
      { status: 'fulfilled', value: [first, '1'] },
    ])
    expect(await database.read(labels)).toEqual([first, '1', '333'])
    expect(counted.commits).toBe(1)
  })

  test('are all done again when their commit loses to another process', async () => {
    const { database, counted, network } = await countedStore()
    counted.failures.push(conflict, conflict)
    const runs = [0, 0, 0]
    await Promise.all(
      runs.map((_, index) =>
        database.transaction((store) => {
          runs[index]! += 1
          return allocate(store, network, 1 + index)
        }),
      ),
    )
    expect(runs).toEqual([3, 3, 3])
    expect(counted.commits).toBe(1)
    expect(await database.read((store) => store.networks.usage(network.id))).toMatchObject({ used: 3 })
  })

  test('all fail when their commit fails for good, and nothing of them stays', async () => {
    const { database, counted, network } = await countedStore()
    const full = new Error('disk full')
    counted.failures.push(full)
    const outcomes = await Promise.allSettled(
      [1, 2, 3].map((number) => database.transaction((store) => allocate(store, network, number))),
    )
    expect(outcomes).toEqual(Array(3).fill({ status: 'rejected', reason: full }))
    expect(await database.read((store) => store.networks.usage(network.id))).toMatchObject({ used: 0 })
    await database.transaction((store) => allocate(store, network, 1))
  })

  test('run each in the context of its own caller', async () => {
    const { database } = await countedStore()
    const request = new AsyncLocalStorage<string>()
    const seen = ['a', 'b', 'c'].map((id) =>
      request.run(id, () => database.transaction(async () => request.getStore())),
    )
    expect(await Promise.all(seen)).toEqual(['a', 'b', 'c'])
  })
})

test('a transaction that the engine gave up is over, even when the work took no notice', async () => {
  const engine = await engineFor((await makePlace()).connection)
  const sent: string[] = []
  const runner = {
    async query(sql: string) {
      sent.push(sql)
      if (sql === 'SELECT 1') throw conflict
    },
  } as unknown as QueryRunner
  const work = async (session: Session) => {
    await session.query('SELECT 1').catch(() => undefined)
    // On a server this would be a statement outside of any transaction.
    await session.query('DELETE FROM networks').catch(() => undefined)
  }
  await expect(writeGroup([work], { engine, runner, onStatement: null })).rejects.toBe(conflict)
  expect(sent).toEqual([...engine.dialect.beginWrite, 'SELECT 1', 'ROLLBACK'])
})
