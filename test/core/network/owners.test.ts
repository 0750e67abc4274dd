import { expect, test } from 'vitest'
import {
  floatingOwner,
  HOST_OWNER,
  leasesOwner,
  networkOwner,
  portOwner,
  scopeOf,
  vifOwner,
} from '../../../core/network/owners.ts'

test('the name of an owner says which facts it is for', () => {
  const owners = [
    HOST_OWNER,
    networkOwner(7),
    networkOwner(8),
    leasesOwner(7),
    vifOwner(12),
    portOwner(13),
    floatingOwner('203.0.113.9'),
    floatingOwner('2001:db8::9'),
  ]
  expect(scopeOf(owners)).toEqual({
    networkIds: [7, 8],
    leaseNetworkIds: [7],
    vifIds: [12],
    portVifIds: [13],
    floatingAddresses: ['203.0.113.9', '2001:db8::9'],
  })
})

test('owners of no facts, and none at all, ask for nothing', () => {
  const nothing = { networkIds: [], leaseNetworkIds: [], vifIds: [], portVifIds: [], floatingAddresses: [] }
  expect(scopeOf([])).toEqual(nothing)
  expect(scopeOf([HOST_OWNER])).toEqual(nothing)
})
