import { conformanceTests } from 'netloom/testing'
import { test } from 'vitest'
import bridge from '../../plugins/interface/bridge.ts'
import noop from '../../plugins/interface/noop.ts'
import ovs from '../../plugins/interface/ovs.ts'

for (const plugin of [bridge, ovs, noop]) conformanceTests(test, plugin)
