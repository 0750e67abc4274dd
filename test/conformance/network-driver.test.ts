import { conformanceTests } from 'netloom/testing'
import { test } from 'vitest'
import bridge from '../../plugins/interface/bridge.ts'
import noop from '../../plugins/interface/noop.ts'

for (const plugin of [bridge, noop]) conformanceTests(test, plugin)
