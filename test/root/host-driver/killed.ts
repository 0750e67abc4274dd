/** A service that is killed in the middle of a change: `NAMESPACE FOLDER before|after`. */
import { createProcessExecutor } from '../../../drivers/system/process-executor.ts'
import { makeSo, testHost } from './namespace.ts'

const [namespace = '', networksPath = '', when = ''] = process.argv.slice(2)
const real = createProcessExecutor()
const silent = () => undefined
const host = testHost({
  namespace,
  networksPath,
  logger: { debug: silent, info: silent, warn: silent, error: silent },
  executor: {
    async run(command, options) {
      const fatal = command.argv.includes('-batch')
      if (fatal && when === 'before') process.kill(process.pid, 'SIGKILL')
      const result = await real.run(command, options)
      if (fatal) process.kill(process.pid, 'SIGKILL')
      return result
    },
  },
})
await makeSo(host, {
  'network:1': [
    { kind: 'link', name: 'br100', type: 'bridge', macAddress: '02:6e:00:00:00:01' },
    { kind: 'address', device: 'br100', cidr: '10.0.0.1/24' },
  ],
})
