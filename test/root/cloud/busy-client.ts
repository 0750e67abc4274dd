/** A cloud controller in a process of its own: `busy-client SETTINGS allocate|deallocate FIRST COUNT`. Prints addresses. */
import { openClient } from '../../../core/bin/client.ts'

/** How many of its calls are under way at a time. */
const IN_FLIGHT = 16

const [settings = '', task = '', first = '', count = ''] = process.argv.slice(2)
const { api, close } = await openClient({ settings: JSON.parse(settings) })
const waiting = Array.from({ length: Number(count) }, (_, index) => Number(first) + index)
const addresses: string[] = []

async function work(): Promise<void> {
  for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
    const uuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
    if (task === 'deallocate') {
      addresses.push(...(await api.deallocateForInstance(uuid)).addresses)
    } else {
      const info = await api.allocateForInstance({ instance_uuid: uuid, project_id: 'demo', hostname: `vm${number}` })
      const subnets = info.flatMap((vif) => vif.network.subnets)
      addresses.push(...subnets.flatMap((subnet) => subnet.ips.map((ip) => ip.address ?? 'none')))
    }
  }
}

await Promise.all(Array.from({ length: IN_FLIGHT }, work))
await close()
process.stdout.write(JSON.stringify(addresses))
