import { isErrorCode } from '../../contract/error-catalogue.ts'
import { SpecfleetError, WireError } from '../../contract/errors.ts'
import { parseJson } from '../json.ts'

/** The peer's error, where it is one of the catalogue. */
export function wireToError(wire: WireError): SpecfleetError {
  const error = new SpecfleetError(isErrorCode(wire.code) ? wire.code : 'duplex.cancelled', undefined, {
    next: wire.next,
  })
  error.message = wire.message
  return error
}

/** Why the peer ended the call, from its `cancel` frame. */
export function cancelReason(payload: Uint8Array): SpecfleetError {
  const wire = WireError.safeParse(parseJson(payload))
  return wire.success ? wireToError(wire.data) : new SpecfleetError('duplex.cancelled')
}
