import { join } from 'node:path'
import { operatorKeyFiles, writeOperatorKit } from '../../packages/cli/src/embedded/operator-keys.ts'
import type { Stage } from './stage.ts'

/** What every orchestrator on that stage is started with; its keys are written into the stage's folder. */
export async function fleetEnvironment({ folder, nats }: Stage) {
  const keys = join(folder, 'keys')
  await writeOperatorKit(keys, nats.kit)
  const files = operatorKeyFiles(keys)
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    NATS_URL: nats.url,
    NATS_CREDS: files.orchestratorCreds,
    NATS_SYSTEM_CREDS: files.systemCreds,
    NATS_OPERATOR_SEED_FILE: files.operatorSigningSeed,
    SPECFLEET_HOME: join(folder, 'fleet'),
  }
}
