import { expect, test, vi } from 'vitest'
import { Memory } from '../../../../drivers/rpc/amqp/memory.ts'

const text = (value: string) => Promise.resolve(Buffer.from(value))

test('what has begun under an id is not begun again, while it runs and after', async () => {
  const memory = new Memory()
  const begin = vi.fn(() => text('done'))
  const first = memory.once('a', 1000, begin)
  expect(memory.answer('a')).toBeNull()
  const second = memory.once('a', 1000, begin)
  expect(await Promise.all([first, second])).toEqual([Buffer.from('done'), Buffer.from('done')])
  expect(await memory.once('a', 1000, begin)).toEqual(Buffer.from('done'))
  expect(begin).toHaveBeenCalledTimes(1)
  expect(memory.answer('a')).toEqual(Buffer.from('done'))
  expect(memory.answer('b')).toBeUndefined()
})

test('the oldest is forgotten when there are too many, and that is known', async () => {
  const memory = new Memory({ outcomes: 2 })
  const since = performance.now()
  expect(memory.mayHaveForgotten(0)).toBe(true)
  vi.spyOn(performance, 'now').mockImplementation(() => since + 10_000)
  expect(memory.mayHaveForgotten(5000)).toBe(false)
  for (const id of ['a', 'b', 'c']) await memory.once(id, 60_000, () => text(id))
  expect(['a', 'b', 'c'].map((id) => memory.has(id))).toEqual([false, true, true])
  expect(memory.mayHaveForgotten(5000)).toBe(true)
  vi.restoreAllMocks()
})

test('outcomes are forgotten when they are too much together', async () => {
  const memory = new Memory({ bytes: 10 })
  for (const id of ['a', 'b', 'c']) await memory.once(id, 60_000, () => text('12345678'))
  expect(['a', 'b', 'c'].map((id) => memory.has(id))).toEqual([false, true, true])
})

test('what is old enough is forgotten without a gap', async () => {
  const since = performance.now()
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => since)
  const memory = new Memory()
  await memory.once('a', 1000, () => text('a'))
  clock.mockImplementation(() => since + 10_000)
  await memory.once('b', 1000, () => text('b'))
  expect([memory.has('a'), memory.has('b'), memory.mayHaveForgotten(5000)]).toEqual([false, true, false])
  vi.restoreAllMocks()
})

test('what was not begun after all is begun the next time', async () => {
  const memory = new Memory()
  const begin = vi.fn(() => text('done'))
  await memory.once('a', 1000, begin)
  memory.forget('a')
  await memory.once('a', 1000, begin)
  expect(begin).toHaveBeenCalledTimes(2)
})
