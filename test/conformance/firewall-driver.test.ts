import { conformanceTests } from 'netloom/testing'
import { describe, test } from 'vitest'
import iptables from '../../drivers/firewall/iptables.ts'
import nftables from '../../drivers/firewall/nftables.ts'
import noop from '../../drivers/firewall/noop.ts'

/** Another program has chains and rules in the tables that netloom uses, and one in which it has none. */
const FOREIGN = `*nat
:PREROUTING ACCEPT [12:720]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [3:180]
:POSTROUTING ACCEPT [3:180]
:DOCKER - [0:0]
[9:540] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
[0:0] -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
[0:0] -A DOCKER -i docker0 -j RETURN
COMMIT
*filter
:INPUT DROP [7:420]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [5:300]
:site - [0:0]
[7:420] -A INPUT -j site
[1:60] -A FORWARD -i eth9 -m comment --comment "br100 is not ours" -j ACCEPT
[2:120] -A site -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`

describe('on an empty host', () => {
  for (const plugin of [iptables, nftables, noop]) conformanceTests(test, plugin)
})

describe('beside others', () => {
  conformanceTests(test, iptables, { foreign: [FOREIGN] })
  conformanceTests(test, nftables, { foreign: ['', FOREIGN] })
})
