import { RpcTimeout } from 'netloom/contracts'
import { expect, test } from 'vitest'
import type { HostView } from '../../../core/contracts/host-facts.ts'
import type { JsonObject } from '../../../core/contracts/rpc.ts'
import { ownersPage, RemoteFacts } from '../../../core/network/remote-facts.ts'

const guestOf = (owner: string) => ({ virtual_interface_id: Number(owner.slice(4)), network_id: 1 })

/** A controller that knows this many guests of one network on the host. */
function controller(guests: number, { slowOver = Number.POSITIVE_INFINITY } = {}) {
  const names = Array.from({ length: guests }, (_, i) => `vif:${i + 1}`)
  const view = (owners: readonly string[]) =>
    ({
      host: 'vm1',
      topology: { managesHost: true, dhcp: true },
      networks: [{ id: 1 }],
      hostAddresses: [],
      plannedNetworkIds: owners.includes('network:1') ? [1] : [],
      leasePlannedNetworkIds: [],
      injected: [],
      guests: owners.filter((owner) => owner.startsWith('vif:')).map(guestOf),
      leases: [],
      ports: [],
      floatingIps: [],
    }) as unknown as HostView
  const facts = { view: async (owners: readonly string[] | null) => view(owners ?? ['network:1', ...names]) }
  const calls: { readonly method: string; readonly size: number }[] = []
  const rpc = {
    async call(_target: unknown, method: string, args: JsonObject) {
      if (method === 'host_owners') {
        const page = await ownersPage(facts as never, args.after as string | null)
        calls.push({ method, size: page.owners.length })
        return page as never
      }
      const owners = args.owners as readonly string[]
      calls.push({ method, size: owners.length })
      if (owners.length > slowOver) throw new RpcTimeout({ method, host: null, seconds: 60 })
      return view(owners) as never
    },
  }
  return { facts: new RemoteFacts('vm1', rpc), calls }
}

test('all facts of a host are read in pages, whatever it has (lessons G1)', async () => {
  const { facts, calls } = controller(10_000)
  const { guests, plannedNetworkIds } = await facts.view(null)
  expect(new Set(guests.map((row) => row.virtual_interface_id)).size).toBe(10_000)
  expect(plannedNetworkIds).toEqual([1])
  expect(calls.filter(({ method }) => method === 'host_owners').map(({ size }) => size)).toEqual([4096, 4096, 1810])
  const pages = calls.filter(({ method }) => method === 'host_view')
  expect(pages).toHaveLength(Math.ceil(10_002 / 256))
  expect(Math.max(...pages.map(({ size }) => size))).toBe(256)
})

test('a page that takes too long is asked for in halves, not again (lessons G1)', async () => {
  const { facts, calls } = controller(300, { slowOver: 100 })
  const { guests } = await facts.view(null)
  expect(guests).toHaveLength(300)
  expect(calls.filter(({ method }) => method === 'host_view').map(({ size }) => size)).toEqual([
    256, 128, 64, 64, 128, 64, 64, 46,
  ])
})

test('the facts of a few owners are one message', async () => {
  const { facts, calls } = controller(1000)
  expect((await facts.view(['vif:7'])).guests).toHaveLength(1)
  expect(calls).toEqual([{ method: 'host_view', size: 1 }])
})
