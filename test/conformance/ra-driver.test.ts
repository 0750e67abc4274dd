import { conformanceTests } from 'netloom/testing'
import { test } from 'vitest'
import noop from '../../plugins/router-advert/noop.ts'
import radvd from '../../plugins/router-advert/radvd.ts'

conformanceTests(test, radvd, { flags: ['--use_ipv6=true'] })
conformanceTests(test, noop)
