/** The error types of the Messages API that occur here, with their status. */
const STATUS = {
  invalid_request_error: 400,
  not_found_error: 404,
  request_too_large: 413,
} as const

type ErrorType = keyof typeof STATUS

/** A request that is answered with an error in the shape of the API. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly type: ErrorType
  readonly status: number

  constructor(type: ErrorType, message: string, status: number = STATUS[type]) {
    super(message)
    this.type = type
    this.status = status
  }

  toBody(requestId: string): object {
    return { type: 'error', error: { type: this.type, message: this.message }, request_id: requestId }
  }
}
