/** A process that changes names in a folder: `worker FOLDER make FIRST COUNT | churn NAME`. */
import { MiniDns } from '../../../../drivers/dns/minidns.ts'

const [folder = '', task = '', first = '', count = ''] = process.argv.slice(2)
const dns = new MiniDns(folder)

if (task === 'make') {
  const numbers = Array.from({ length: Number(count) }, (_, index) => Number(first) + index)
  await Promise.all(numbers.map((number) => dns.createEntry(`web${number}`, '10.0.0.2', 'A', 'example.org')))
} else {
  process.stdout.write('ready\n')
  for (;;) {
    await dns.createEntry(first, '10.0.0.2', 'A', 'example.org').catch(() => {})
    await dns.modifyAddress(first, '10.0.0.3', 'example.org')
    await dns.deleteEntry(first, 'example.org')
  }
}
