/** A service whose clock is far from the store's: leases and heartbeats of several machines could not be compared. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startService } from '../../core/bin/index.ts'
import { makeMysqlDatabase, mysqlServer } from '../drivers/database/places.ts'

test.each([
  { offset: -60_000, says: /the clock of this machine is (59|60|61) s behind the fact store's/ },
  { offset: 60_000, says: /the clock of this machine is (59|60|61) s ahead of the fact store's/ },
])('is told so and does not start: $offset ms', async ({ offset, says }) => {
  const place = await makeMysqlDatabase(mysqlServer!)
  const folder = mkdtempSync(join(tmpdir(), 'netloom-skew-'))
  writeFileSync(join(folder, 'empty.conf'), '')
  const now = Date.now
  Date.now = () => now() + offset
  onTestFinished(() => {
    Date.now = now
    rmSync(folder, { recursive: true })
  })
  const slots = ['network_driver', 'l3_lib', 'dhcp_driver', 'firewall_driver', 'host_driver'].map(
    (flag) => `--${flag}=noop`,
  )
  const places = [`--state_path=${folder}`, `--run_path=${folder}`, `--sql_connection=${place.connection}`]
  const starting = startService({
    configFiles: [join(folder, 'empty.conf')],
    environment: {},
    commandLine: [...slots, ...places],
  })
  await expect(starting).rejects.toThrow(says)
})
