/** The demo's steps on real parts: namespaces, dnsmasq, iptables, a DHCP client, the service as its own process. */
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { NetworkApi } from '../../api/network-api.ts'
import { openClient } from '../client.ts'
import { Cloud, PUBLIC_ADDRESS } from './cloud.ts'
import { type DemoReport, expect } from './report.ts'
import { provideRequirements } from './requirements.ts'

const PICTURE = `
   public side 203.0.113.1 ---- 203.0.113.11 network host ---- br100 10.0.0.1
                                 floating IP 203.0.113.65        |- tap -- guest1 10.0.0.2
                                 (NAT to guest1)                 \`- tap -- guest2 10.0.0.3
`

interface RealDemo {
  readonly report: DemoReport
  readonly say: (line: string) => void
  readonly keep: boolean
}

export async function runRealDemo({ report, say, keep }: RealDemo): Promise<void> {
  await provideRequirements(say)
  const packageFolder = fileURLToPath(new URL('../../../../', import.meta.url))
  const guests = ['guest1', 'guest2']
  const cloud = new Cloud({ packageFolder, prefix: `nl${process.pid}`, hosts: ['demo'], guests })
  const interrupted = () => void cloud.remove().finally(() => process.exit(130))
  process.once('SIGINT', interrupted)
  try {
    await report.step('service started on its own host', async () => {
      await cloud.build()
      await cloud.host.start()
      return `netloom serve in ${cloud.namespaces.fullName(cloud.host.name)}`
    })
    const { api, close } = await openClient({ settings: cloud.host.settings })
    await mainJob(report, cloud, api, keep)
    await close()
    say(PICTURE)
    if (keep) say(howToLookAround(cloud))
  } finally {
    process.off('SIGINT', interrupted)
    if (!keep) await cloud.remove()
  }
}

function howToLookAround({ host, namespaces, folder }: Cloud): string {
  const flags = host.settings.commandLine.join(' ')
  const service = namespaces.fullName(host.name)
  return `kept. Look around:  netloom ${flags} instance list
  ip netns exec ${namespaces.fullName('guest1')} ping 10.0.0.3
Take it away:  ip netns pids ${service} | xargs kill; for each of ${namespaces.all.join(' ')}: ip netns delete NAME; rm -r ${folder}`
}

async function mainJob(report: DemoReport, cloud: Cloud, api: NetworkApi, keep: boolean): Promise<void> {
  const guests = [
    { name: 'guest1', uuid: randomUUID() },
    { name: 'guest2', uuid: randomUUID() },
  ] as const
  const addresses: string[] = []
  await report.step('network created', async () => {
    const [network] = await api.createNetworks({ label: 'private', cidr: '10.0.0.0/24' })
    return `${network?.label} ${network?.cidr} on ${network?.bridge}`
  })
  await report.step('two instances allocated and attached', async () => {
    for (const { name, uuid } of guests) {
      const info = await api.allocateForInstance({ instance_uuid: uuid, project_id: 'demo', hostname: name })
      addresses.push(info[0]?.network.subnets[0]?.ips[0]?.address ?? '')
      await api.attach(cloud.host.name, {
        instance_uuid: uuid,
        target: { kind: 'netns', name: cloud.namespaces.fullName(name) },
      })
    }
    return addresses.join(' and ')
  })
  await report.step('each takes its lease with a DHCP client', async () => {
    for (const [index, { name }] of guests.entries()) {
      const got = await cloud.lease(name)
      expect(got === addresses[index], `${name} got ${got}, not ${addresses[index]}`)
    }
    await until(async () => (await api.getDhcpLeases()).length === 2, 'the service did not hear of both leases')
    return `${addresses.join(' and ')}, and the service knows both leases`
  })
  const reach = async (from: 'public' | 'guest1' | 'guest2', address: string) =>
    expect(await cloud.ping(from, address), `${from} does not reach ${address}`)
  await report.step('they reach each other, the gateway and the public side', async () => {
    await reach('guest1', addresses[1] ?? '')
    await reach('guest2', addresses[0] ?? '')
    await reach('guest1', '10.0.0.1')
    await reach('guest1', PUBLIC_ADDRESS)
    return '4 pings answered, the last through SNAT'
  })
  let floating = ''
  await report.step('floating IP associated', async () => {
    await api.createFloatingIps({ range: '203.0.113.64/28' })
    floating = await api.allocateFloatingIp({ project_id: 'demo' })
    await api.associateFloatingIp(floating, addresses[0] ?? '')
    await reach('public', floating)
    await reach('guest1', floating)
    await reach('guest2', floating)
    return `${floating} reaches guest1 from the public side, from guest2 and from itself`
  })
  await report.step('service killed with -9 and restarted', async () => {
    const stopPing = cloud.pinging('guest1', PUBLIC_ADDRESS)
    await cloud.host.stop('SIGKILL')
    await cloud.host.start()
    const plan = await api.plan(cloud.host.name)
    const lost = await stopPing()
    expect(lost === 0, `${lost} pings were lost`)
    expect(plan.entries.length === 0, `the plan is not empty: ${plan.entries.map((entry) => entry.text).join(', ')}`)
    await reach('public', floating)
    return 'no ping lost, nothing to do in the plan'
  })
  if (keep) return
  await report.step('floating IP disassociated', async () => {
    await api.disassociateFloatingIp(floating)
    expect(!(await cloud.ping('public', floating)), `the public side still reaches ${floating}`)
    await api.deallocateFloatingIp(floating)
    return 'the public side reaches it no more; it is back in its pool'
  })
  await report.step('instances deallocated', async () => {
    for (const { uuid } of guests) await api.deallocateForInstance(uuid)
    const free = async () => {
      const [network] = await api.getAllNetworks()
      return network?.addresses.used === 0 && network.addresses.held === 0
    }
    await until(free, 'addresses are still held')
    expect((await api.plan(cloud.host.name)).entries.length === 0, 'the plan is not empty')
    return 'both addresses are free, nothing to do in the plan'
  })
}

const UNTIL_LIMIT_MS = 10_000

async function until(holds: () => Promise<boolean>, otherwise: string): Promise<void> {
  const end = performance.now() + UNTIL_LIMIT_MS
  while (!(await holds())) {
    expect(performance.now() < end, otherwise)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
