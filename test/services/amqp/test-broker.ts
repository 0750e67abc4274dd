import { connect } from 'amqplib'
import { startPrivateRabbitmq } from '../../kit-internal/private-rabbitmq.ts'

export interface TestBroker {
  /** `rabbit://...` */
  readonly url: string
  end(): Promise<void>
}

/**
 * A broker for tests that leave it alone: the one of NETLOOM_TEST_AMQP (`rabbit://...`), the one of this machine, or a
 * private one.
 */
export async function openTestBroker(): Promise<TestBroker> {
  const url = process.env.NETLOOM_TEST_AMQP ?? 'rabbit://guest:guest@127.0.0.1:5672/'
  const end = async () => {}
  try {
    await (await connect(url.replace(/^rabbit:/, 'amqp:'), { timeout: 2000 })).close()
    return { url, end }
  } catch (error) {
    if (process.env.NETLOOM_TEST_AMQP !== undefined) throw error
    return startPrivateRabbitmq()
  }
}
