import { conformanceTests } from 'netloom/testing'
import { test } from 'vitest'
import dnsmasq from '../../plugins/dhcp/dnsmasq.ts'
import noop from '../../plugins/dhcp/noop.ts'

for (const plugin of [dnsmasq, noop]) conformanceTests(test, plugin)
