import { ServiceAlreadyRunning } from 'netloom/contracts'
import { expect, onTestFinished, test, vi } from 'vitest'
import { HostClaims } from '../../../drivers/database/mysql/host-claims.ts'
import { lockName } from '../../../drivers/database/mysql/named-lock.ts'
import { parseTarget } from '../../../drivers/database/mysql/target.ts'
import { makeMysqlDatabase, mysqlServer } from '../../drivers/database/places.ts'
import { startTcpProxy } from '../../kit-internal/tcp-proxy.ts'

/** Claims of a process whose connection may be cut, and claims of another one on the same store. */
async function twoProcesses() {
  const place = await makeMysqlDatabase(mysqlServer!)
  const target = parseTarget(place.connection).target!
  const proxy = await startTcpProxy(target.port)
  const ours = new HostClaims({ ...target, host: '127.0.0.1', port: proxy.port }, { intervalMs: 50, silenceSeconds: 1 })
  const others = new HostClaims(target)
  const lost = vi.fn()
  onTestFinished(async () => {
    proxy.open = true
    await ours.close()
    await others.close()
    await proxy.close()
  })
  await ours.claim('host1', lost)
  /** The number of the connection that serves host1; null for none. */
  const holder = async () => {
    const [row] = await place.query('SELECT IS_USED_LOCK(?) AS holder', [lockName(target.database, 'host host1')])
    return row!.holder
  }
  return { proxy, ours, others, lost, holder }
}

test('a claim that was lost with its connection is taken again when the server is back', async () => {
  const { proxy, ours, others, lost, holder } = await twoProcesses()
  const first = await holder()
  proxy.cut()
  await vi.waitFor(async () => expect([null, first]).not.toContain(await holder()), { timeout: 20_000 })
  await expect(others.claim('host1', lost)).rejects.toThrow(ServiceAlreadyRunning)
  await ours.close()
  expect(lost).not.toHaveBeenCalled()
  await others.claim('host1', lost)
})

test('a claim that another process took meanwhile is told, once, and no longer held', async () => {
  const { proxy, ours, others, lost } = await twoProcesses()
  await ours.claim('host2', lost)
  proxy.open = false
  proxy.cut()
  await vi.waitFor(() => others.claim('host1', lost), { timeout: 20_000 })
  proxy.open = true
  await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce(), { timeout: 10_000 })
  expect(lost.mock.calls[0]![0]).toBeInstanceOf(ServiceAlreadyRunning)
  expect(lost.mock.calls[0]![0].message).toContain('another netloom service of host host1 is running on mysql://')
  await expect(others.claim('host2', lost)).rejects.toThrow(ServiceAlreadyRunning)
  await expect(ours.claim('host1', lost)).rejects.toThrow(ServiceAlreadyRunning)
})

test('a claim of a machine that vanished ends by itself', async () => {
  const { proxy, others, lost } = await twoProcesses()
  proxy.flowing = false
  await vi.waitFor(() => others.claim('host1', lost), { timeout: 10_000 })
})
