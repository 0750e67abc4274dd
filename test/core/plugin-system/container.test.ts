import { definePlugin, option, type Plugin, type Refs, type Slot, serviceRef, slot } from 'netloom/contracts'
import { RecordingLogger } from 'netloom/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { PluginContainer } from '../../../core/plugin-system/container.ts'

interface Named {
  name(): string
}

const slotNamed = (flag: string): Slot<Named> =>
  slot<Named>({ flag, contract: '1.0', default: 'x', help: 'For the test', methods: ['name'] })

const [first, second, third] = [slotNamed('first'), slotNamed('second'), slotNamed('third')]

/** A plugin for the slot; `requires` are other slots. */
function plugin(provides: Slot<Named>, requires: Refs = {}, create?: () => unknown): Plugin {
  return definePlugin({
    name: `${provides.flag}-plugin`,
    summary: 'For the test',
    provides,
    contract: '1.0',
    requires,
    create: () => (create ? create() : { name: () => provides.flag }) as Named,
  })
}

function containerOf(...plugins: readonly Plugin[]) {
  const logger = new RecordingLogger()
  const container = new PluginContainer(logger)
  for (const each of plugins) container.bindPlugin(each, {})
  return { container, logger }
}

const startFailure = (pattern: RegExp) => ({
  code: 'PluginStartFailed',
  exitStatus: 6,
  message: expect.stringMatching(pattern),
})

describe('an instance', () => {
  test('is made when it is first asked for, once, whoever asks, at the same time or later', async () => {
    const create = vi.fn(async () => ({ name: () => 'made' }))
    const { container } = containerOf(plugin(first, {}, create), plugin(second, { first }))
    expect(create).not.toHaveBeenCalled()
    const [one, other] = await Promise.all([container.get(first), container.get(first), container.get(second)])
    expect(one).toBe(other)
    expect(await container.get(first)).toBe(one)
    expect(create).toHaveBeenCalledTimes(1)
  })

  test('gets the flags and the services that its plugin declared, and no others', async () => {
    const greeting = serviceRef<string>('greeting')
    let given: unknown
    const { container, logger } = containerOf()
    container.bindValue(greeting, 'hello')
    container.bindPlugin(
      definePlugin({
        name: 'curious',
        summary: 'For the test',
        provides: first,
        contract: '1.0',
        options: { mine: option.text({ default: '', help: 'For the test' }) },
        requires: { greeting },
        create: (environment) => {
          given = environment
          return { name: () => 'curious' }
        },
      }),
      { mine: 'yes', theirs: 'no' },
    )
    await container.get(first)
    expect(given).toEqual({ flags: { mine: 'yes' }, services: { greeting: 'hello' }, logger })
    expect(() => Object.assign((given as { flags: object }).flags, { mine: 'no' })).toThrow(TypeError)
  })

  test('finds a ref of another copy of netloom: refs with one id are one', async () => {
    const { container } = containerOf()
    container.bindValue(serviceRef<number>('answer'), 42)
    expect(await container.get(serviceRef<number>('answer'))).toBe(42)
  })
})

describe('what does not start says why and for whom', () => {
  test('a create that throws', async () => {
    const { container } = containerOf(
      plugin(first, {}, () => {
        throw new Error('no room')
      }),
    )
    await expect(container.get(first)).rejects.toMatchObject(startFailure(/first -> first-plugin: no room/))
  })

  test('a create that rejects, when another plugin needs it', async () => {
    const { container } = containerOf(
      plugin(first, {}, async () => {
        throw new Error('no room')
      }),
      plugin(second, { first }),
    )
    await expect(container.get(second)).rejects.toMatchObject(startFailure(/first-plugin: no room/))
  })

  test('a method that the slot promises and the instance lacks', async () => {
    const { container } = containerOf(plugin(first, {}, () => ({})))
    await expect(container.get(first)).rejects.toMatchObject({
      code: 'PluginInvalid',
      message: expect.stringContaining('it has no method name'),
    })
  })

  test.each([null, undefined, 'text'])('an instance that is none: %s', async (instance) => {
    const { container } = containerOf(plugin(first, {}, () => instance))
    await expect(container.get(first)).rejects.toMatchObject({ code: 'PluginInvalid' })
  })

  test('a service that nobody provides', async () => {
    const { container } = containerOf(plugin(first, { second }))
    await expect(container.get(first)).rejects.toMatchObject(startFailure(/netloom\/second/))
  })

  test('plugins that need one another: the whole circle is named', async () => {
    const { container } = containerOf(plugin(first, { second }), plugin(second, { third }), plugin(third, { first }))
    await expect(container.get(first)).rejects.toMatchObject(startFailure(/first.*second.*third.*first/s))
  })

  test('a create that never ends, after 30 seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { container } = containerOf(plugin(first, {}, () => new Promise(() => {})))
    const outcome = container.get(first).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(await outcome).toMatchObject(startFailure(/first -> first-plugin: it did not start in 30 s/))
  })
})

describe('at the end', () => {
  test('what was made is disposed of, the last one first, and the others too when one fails', async () => {
    const order: string[] = []
    const disposing = (provides: Slot<Named>, requires: Refs, fails = false): Plugin =>
      definePlugin({
        name: provides.flag,
        summary: 'For the test',
        provides,
        contract: '1.0',
        requires,
        create: () => ({ name: () => provides.flag }),
        async dispose(instance) {
          order.push(instance.name())
          if (fails) throw new Error('stuck')
        },
      })
    const { container, logger } = containerOf(
      disposing(first, { second }),
      disposing(second, { third }, true),
      disposing(third, {}),
    )
    await container.get(first)
    expect(container.created.map(({ plugin: { name } }) => name)).toEqual(['third', 'second', 'first'])
    await container.dispose()
    expect(order).toEqual(['first', 'second', 'third'])
    expect(logger.lines).toMatchObject([{ level: 'error', fields: { plugin: 'second', error: new Error('stuck') } }])
    await container.dispose()
    expect(order).toHaveLength(3)
  })

  test('what was never asked for is not disposed of', async () => {
    const dispose = vi.fn(async () => {})
    const unused = definePlugin({
      name: 'unused',
      summary: 'For the test',
      provides: first,
      contract: '1.0',
      create: () => ({ name: () => '' }),
      dispose,
    })
    const { container } = containerOf(unused)
    await container.dispose()
    expect(dispose).not.toHaveBeenCalled()
  })
})
