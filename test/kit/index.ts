/** `netloom/testing`: fakes, builders and the conformance kit, for plugins of ours and of strangers. */
export * from './builders.ts'
export * from './conformance/index.ts'
export * from './fakes/clock.ts'
export * from './fakes/executor.ts'
export * from './fakes/lease-spool.ts'
export * from './fakes/logger.ts'
export * from './fakes/random.ts'
export * from './fakes/simulated-host.ts'
