import { type Bus, ControlMessage, type ControlTaken, type Subscription, subjects } from '@specfleet/shared/boot'
import type { Orders } from './orders.ts'
import type { Scope } from './scope.ts'

/**
 * Listens for orders. Each is confirmed on the `taken` subject once it is kept, also a repeated one:
 * its sender may have missed the first confirmation.
 */
export function listenForOrders(
  bus: Bus,
  scope: Scope,
  orders: Orders,
  complain: (reason: string) => void,
): Subscription {
  return bus.subscribe(
    subjects.control(scope.runId, scope.epoch),
    (message) => {
      const parsed = ControlMessage.safeParse(message.json())
      if (!parsed.success) {
        complain('a control message was not understood')
        return
      }
      orders.take(parsed.data)
      const taken: ControlTaken = { id: parsed.data.id }
      bus.publishJson(subjects.taken(scope.runId, scope.epoch), taken)
    },
    { onError: (thrown) => complain(`a control message failed: ${String(thrown)}`) },
  )
}
