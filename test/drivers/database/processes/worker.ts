/** A process with its own connection to a store: `worker CONNECTION open | claim COUNT FIRST | contend ADDRESS COUNT FIRST | churn WRITERS ROUNDS FIRST | associate PROJECT... | write FIRST | serve HOST`. */
import { SqlDatabase } from '../../../../drivers/database/sql/database.ts'
import { engineFor } from '../engine.ts'

const [connection = '', task = '', ...args] = process.argv.slice(2)
const database = new SqlDatabase(await engineFor(connection), { nowMs: () => Date.now() })
await database.open()

const identity = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** Takes an address of the first network for a new instance: this one, or any. */
function claim(number: number, address?: string): Promise<string> {
  return database.transaction(async (store) => {
    const instance_uuid = identity(number)
    const card = `fa:16:3e:00:${[number >> 8, number & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`
    const vif = await store.virtualInterfaces.create({
      uuid: instance_uuid,
      address: card,
      network_id: 1,
      instance_uuid,
    })
    if (vif === null) throw new Error(`MAC address ${card} is taken`)
    const request = { networkId: 1, instanceUuid: instance_uuid, virtualInterfaceId: vif.id }
    const { fixedIps } = store
    const taken = await (address === undefined
      ? fixedIps.claimFromPool(request)
      : fixedIps.claimAddress(address, request))
    return taken.address
  })
}

/** Takes address after address, each leased for a while, and keeps every second one. @returns those kept, with their owner */
async function churn(rounds: number, first: number): Promise<readonly (readonly [address: string, owner: string])[]> {
  const kept: [string, string][] = []
  for (let number = first; number < first + rounds; number++) {
    const address = await claim(number)
    const { mac } = await database.read((store) => store.fixedIps.byAddress(address))
    await database.transaction((store) => store.fixedIps.lease(address, mac ?? ''))
    if (number % 2 === 0) {
      kept.push([address, identity(number)])
      continue
    }
    await database.transaction(async (store) => {
      const row = await store.fixedIps.byAddress(address)
      await store.fixedIps.deallocate(row.id)
      await store.virtualInterfaces.remove([row.virtual_interface_id!])
    })
    await database.transaction((store) => store.fixedIps.release(address, mac ?? ''))
  }
  return kept
}

switch (task) {
  case 'claim': {
    const [count = 0, first = 0] = args.map(Number)
    const claims = await Promise.all(Array.from({ length: count }, (_, index) => claim(first + index)))
    process.stdout.write(`${JSON.stringify(claims)}\n`)
    break
  }
  case 'contend': {
    const [address = '', count = 0, first = 0] = [args[0], Number(args[1]), Number(args[2])]
    const tries = await Promise.allSettled(Array.from({ length: count }, (_, index) => claim(first + index, address)))
    const outcome = tries.map((tried) => (tried.status === 'fulfilled' ? 'won' : tried.reason.code))
    process.stdout.write(`${JSON.stringify(outcome)}\n`)
    break
  }
  case 'churn': {
    const [writers = 0, rounds = 0, first = 0] = args.map(Number)
    const kept = Array.from({ length: writers }, (_, index) => churn(rounds, first + rounds * index))
    process.stdout.write(`${JSON.stringify((await Promise.all(kept)).flat())}\n`)
    break
  }
  case 'associate': {
    const networks = await Promise.all(
      args.map((name) => database.transaction((store) => store.networks.associate(name))),
    )
    process.stdout.write(`${JSON.stringify(networks.map(({ id, project_id }) => [project_id, id]))}\n`)
    break
  }
  case 'write':
    // Says each address after its transaction, until it is killed.
    for (let number = Number(args[0]); ; number++) process.stdout.write(`${await claim(number)}\n`)
  case 'serve':
    await database.claimHost(args[0] ?? '')
    process.stdout.write('serving\n')
    await new Promise((resolve) => process.stdin.on('data', () => undefined).on('end', resolve))
    break
  default:
    process.stdout.write('open\n')
}
await database.close()
