/** Before the root tests: what they need of the system is installed as `netloom demo` does it. */
import { provideRequirements, REQUIRED } from '../../core/bin/demo/requirements.ts'

/** For single tests. The demo does without. */
const MORE = { 'ovs-vsctl': 'openvswitch-switch', ethtool: 'ethtool', tcpdump: 'tcpdump', radvd: 'radvd' }

export default async function setup(): Promise<void> {
  if (process.getuid?.() !== 0) return
  await provideRequirements((line) => process.stderr.write(`${line}\n`), { ...REQUIRED, ...MORE })
}
