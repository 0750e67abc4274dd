/** The service dies at every program that the main job starts; what comes out is what comes out undisturbed. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { NetworkApi } from '../../core/api/network-api.ts'
import { dumpCloud } from './cloud/host-dump.ts'
import { type Fault, Shims } from './cloud/shims.ts'
import { isRoot, TestCloud, until } from './cloud/test-cloud.ts'
import { wipeHost } from './cloud/wipe-host.ts'

const NETWORK = '6f1c1e9c-4e0e-4b0a-9d5b-2f1b6a1f0c11'
const INSTANCE = '1b4e28ba-2fa1-41d2-883f-0016d3cca427'
const FIXED = '10.0.0.5'
const FLOATING = '203.0.113.65'

/** One step of the main job: what is asked for, and how asking ends when it is done already. */
interface Step {
  readonly words: readonly string[]
  readonly again: number
  /** What follows outside netloom, and holds when the step has its whole effect. */
  settle?(): Promise<void>
}

interface Bench {
  readonly cloud: TestCloud
  readonly shims: Shims
  readonly api: NetworkApi
  readonly steps: readonly Step[]
}

/** A service behind shims, and a floating IP for it to associate. */
async function openBench(cloud: TestCloud): Promise<Bench> {
  const shims = await Shims.make(join(cloud.folder, 'shims'))
  cloud.environment.PATH = shims.path
  await cloud.host.start()
  const api = await cloud.client()
  await api.createFloatingIps({ range: FLOATING })
  await api.allocateFloatingIp({ project_id: 'demo' })
  return { cloud, shims, api, steps: mainJob(cloud, api) }
}

function mainJob(cloud: TestCloud, api: NetworkApi): readonly Step[] {
  const leases = (count: number) => async () =>
    until(async () => (await api.getDhcpLeases()).length === count, `there are not ${count} leases`)
  const which = ['--mac', 'fa:16:3e:00:00:05', '--network', `${NETWORK}=${FIXED}`]
  return [
    { words: ['network', 'create', 'private', '10.0.0.0/24', '--uuid', NETWORK], again: 4 },
    { words: ['instance', 'allocate', INSTANCE, '--project', 'demo', '--hostname', 'web', ...which], again: 0 },
    {
      words: ['instance', 'attach', INSTANCE, '--netns', cloud.namespaces.fullName('guest1')],
      again: 0,
      async settle() {
        expect(await cloud.lease('guest1')).toBe(FIXED)
        await leases(1)()
      },
    },
    { words: ['floating', 'associate', FLOATING, FIXED], again: 0 },
    { words: ['floating', 'disassociate', FLOATING], again: 4 },
    { words: ['instance', 'detach', INSTANCE], again: 0 },
    { words: ['instance', 'deallocate', INSTANCE], again: 3, settle: leases(0) },
    { words: ['network', 'delete', NETWORK], again: 3 },
  ]
}

/** Takes all steps. @returns what everything looked like after each */
async function undisturbed(bench: Bench): Promise<readonly (readonly string[])[]> {
  const looks: (readonly string[])[] = []
  await bench.shims.clear()
  for (const step of bench.steps) looks.push(await take(bench, step))
  return looks
}

async function take(bench: Bench, { words, settle }: Step): Promise<readonly string[]> {
  expect(await bench.cloud.ask(...words)).toMatchObject({ status: 0 })
  await settle?.()
  return settled(bench)
}

/** What everything looks like when nothing is left to do. */
async function settled({ cloud, api }: Bench): Promise<readonly string[]> {
  expect(await api.plan(cloud.host.name)).toMatchObject({ entries: [], waiting: [] })
  return dumpCloud(cloud, api)
}

/**
 * Takes all steps, the service dying at the n-th change of the host in each.
 * @param deadly the steps that have so many; the others are only taken
 * @returns those in which it died
 */
async function disturbed(
  bench: Bench,
  fault: Fault,
  n: number,
  looks: readonly (readonly string[])[],
  deadly: ReadonlySet<Step>,
): Promise<ReadonlySet<Step>> {
  const died = new Set<Step>()
  for (const [index, step] of bench.steps.entries()) {
    const what = `${step.words.slice(0, 2).join(' ')}, ${fault} ${n}`
    if (!deadly.has(step)) await take(bench, step)
    else if (await dies(bench, step, fault, n)) died.add(step)
    expect(await settled(bench), what).toEqual(looks[index])
  }
  return died
}

/** Takes a step, and once more when the service died. @returns whether it did */
async function dies(bench: Bench, { words, again, settle }: Step, fault: Fault, n: number): Promise<boolean> {
  const { cloud, shims } = bench
  await shims.arm(fault, n)
  const { status } = await cloud.command(...words)
  await shims.clear()
  if (status !== 0) {
    expect(status).toBe(5)
    await cloud.host.start()
    await settled(bench)
    expect([0, again]).toContain((await cloud.ask(...words)).status)
  }
  await settle?.()
  return status !== 0
}

// Between the n-th change and the one after it nothing happens but files being written: dying after each, and before the
// first, is dying everywhere.
describe.skipIf(!isRoot)('a service that is killed with -9 and started again', () => {
  it.concurrent.for<[Fault, number]>([
    ['kill-before', 1],
    ['kill-after', 10],
  ])(
    '%s a change of the host: the same command ends in the same state (lessons A2, A3)',
    async ([fault, most], { onTestFinished }) => {
      const cloud = await TestCloud.built()
      onTestFinished(() => cloud.remove())
      const bench = await openBench(cloud)
      const looks = await undisturbed(bench)
      let [deaths, deadly]: [number, ReadonlySet<Step>] = [0, new Set(bench.steps)]
      for (let n = 1; n <= most && deadly.size > 0; n++) {
        deadly = await disturbed(bench, fault, n, looks, deadly)
        deaths += deadly.size
      }
      expect(deaths).toBeGreaterThanOrEqual(most === 1 ? 7 : 15)
      expect((await cloud.command('plan')).status).toBe(0)
    },
  )

  it.concurrent('in the middle of restoring a host that lost everything: the next start restores all (lessons D9)', async ({
    onTestFinished,
  }) => {
    const cloud = await TestCloud.built()
    onTestFinished(() => cloud.remove())
    const bench = await openBench(cloud)
    let wanted: readonly string[] = []
    for (const step of bench.steps.slice(0, 4)) wanted = await take(bench, step)
    let deaths = 0
    for (let n = 1; ; n++) {
      await cloud.host.stop('SIGKILL')
      await wipeHost(cloud, [FLOATING])
      await bench.shims.arm('kill-after', n)
      const died = await cloud.host.start().then(
        () => false,
        () => true,
      )
      await bench.shims.clear()
      if (!died) break
      deaths += 1
      await cloud.host.start()
      expect(await settled(bench), `died after change ${n}`).toEqual(wanted)
    }
    expect(deaths).toBeGreaterThanOrEqual(3)
  })

  it.concurrent('is mended by the next look when a program that it had started comes late', async ({
    onTestFinished,
  }) => {
    const cloud = await TestCloud.built()
    onTestFinished(() => cloud.remove())
    const bench = await openBench(cloud)
    const { shims, api, steps } = bench
    const associate = steps[3]!
    for (const step of steps.slice(0, 3)) await take(bench, step)
    await shims.arm('hang', 1)
    const asked = cloud.command(...associate.words)
    await until(() => shims.hung, 'no rule is being changed')
    await cloud.host.stop('SIGKILL')
    expect((await asked).status).toBe(5)
    await cloud.host.start()
    const wanted = await settled(bench)
    await shims.release()
    await until(
      async () => (await api.reconcile(cloud.host.name)).entries.length > 0,
      'the late program changed nothing',
    )
    expect(await settled(bench)).toEqual(wanted)
    expect((await cloud.command(...associate.words)).status).toBe(0)
    expect(await settled(bench)).toEqual(wanted)
  })
})
