import { spawnSync } from 'node:child_process'
import {
  type Executor,
  type HostResource,
  type HostState,
  type Logger,
  type OperationFailure,
  resourceKey,
} from '../../../core/contracts/index.ts'
import { diffResources } from '../../../core/plan/diff.ts'
import { orderOperations } from '../../../core/plan/order.ts'
import { LinuxHost } from '../../../drivers/host/linux/index.ts'
import { type Sysctl, sysctlPath } from '../../../drivers/host/linux/sysctl.ts'

/** Runs everything inside a network namespace; processes stay in the machine's own process table. */
export function inNamespace(executor: Executor, namespace: string): Executor {
  return {
    run(command, options) {
      const [program, ...words] = command.argv
      const enter = program === 'ip' ? ['-n', namespace] : ['netns', 'exec', namespace, program]
      return executor.run({ ...command, argv: ['ip', ...enter, ...words] }, options)
    },
  }
}

/** Kernel parameters of a namespace that this process is not in. */
export function namespaceSysctl(namespace: string): Sysctl {
  const sysctl = (...args: readonly string[]) =>
    spawnSync('ip', ['netns', 'exec', namespace, 'sysctl', '-n', ...args], { encoding: 'utf8' })
  return {
    read(key) {
      const { status, stdout } = sysctl(key)
      return status === 0 ? stdout.trim() : null
    },
    write(key, value) {
      const { status, stderr } = sysctl('-w', `${key}=${value}`)
      if (status !== 0) throw new Error(stderr)
    },
    names(key) {
      const folder = `/proc/sys/${sysctlPath(key)}`
      const { stdout } = spawnSync('ip', ['netns', 'exec', namespace, 'ls', folder], { encoding: 'utf8' })
      return stdout.split('\n').filter(Boolean)
    },
  }
}

export interface TestHostOptions {
  readonly executor: Executor
  readonly namespace: string
  readonly networksPath: string
  readonly logger: Logger
}

export function testHost({ executor, namespace, networksPath, logger }: TestHostOptions): LinuxHost {
  return new LinuxHost({
    executor: inNamespace(executor, namespace),
    logger,
    networksPath,
    sysctl: namespaceSysctl(namespace),
  })
}

export interface Pass {
  readonly before: HostState
  readonly steps: readonly string[]
  readonly failures: readonly OperationFailure[]
}

/** Looks, and makes the host so, as the reconciler does; what nobody wants and is ours goes. */
export async function makeSo(
  host: LinuxHost,
  wanted: Readonly<Record<string, readonly HostResource[]>>,
): Promise<Pass> {
  const owned = Object.entries(wanted).flatMap(([owner, resources]) =>
    resources.map((resource) => ({ owner, resource })),
  )
  const before = await host.observe(owned.map(({ resource }) => resource))
  const unwanted = new Map([...before.resources.keys()].map((key) => [key, 'host']))
  for (const { resource } of owned) unwanted.delete(resourceKey(resource))
  const { steps } = diffResources(owned, before, unwanted)
  const failures = await host.run(orderOperations(host.operations(steps, before)), steps)
  return { before, steps: steps.map(({ verb, resource }) => `${verb} ${resourceKey(resource)}`), failures }
}
