import { conformanceTests } from 'netloom/testing'
import { test } from 'vitest'
import linuxNet from '../../plugins/l3/linux-net.ts'
import noop from '../../plugins/l3/noop.ts'

for (const plugin of [linuxNet, noop]) conformanceTests(test, plugin)
