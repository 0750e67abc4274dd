import { join } from 'node:path'
import { coreOptions, definePlugin, rpcBackendSlot } from 'netloom/contracts'
import { pathProblem } from './run-folder.ts'

/** `rpc_backend = local`: unix sockets, for services and commands of one machine. */
export default definePlugin({
  name: 'local',
  summary: 'Unix sockets in run_path, for the services and commands of one machine',
  provides: rpcBackendSlot,
  contract: '1.0',
  options: {
    run_path: coreOptions.run_path,
    host: coreOptions.host,
    rpc_response_timeout: coreOptions.rpc_response_timeout,
  },
  check({ run_path, host }) {
    const problem = pathProblem(join(run_path, `${host}.sock`))
    return problem === null ? [] : [problem]
  },
  async create({ flags, logger }) {
    const { LocalRpc } = await import('./local-rpc.ts')
    return new LocalRpc({
      runPath: flags.run_path,
      host: flags.host,
      timeoutMs: flags.rpc_response_timeout * 1000,
      logger,
    })
  },
  dispose: (rpc) => rpc.close(),
})
