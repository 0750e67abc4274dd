import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { conformanceTests } from 'netloom/testing'
import { afterAll, describe, test } from 'vitest'
import { floatingDns, instanceDns } from '../../drivers/dns/minidns.ts'
import { floatingDns as noFloatingDns, instanceDns as noInstanceDns } from '../../drivers/dns/noop.ts'

const folder = mkdtempSync(join(tmpdir(), 'netloom-dns-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('for instances', () => {
  conformanceTests(test, instanceDns, { flags: [`--minidns_path=${folder}`] })
  conformanceTests(test, noInstanceDns)
})

describe('for floating IPs', () => {
  conformanceTests(test, floatingDns, { flags: [`--minidns_path=${folder}`] })
  conformanceTests(test, noFloatingDns)
})
