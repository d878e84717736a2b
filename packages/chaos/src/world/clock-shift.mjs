// Moves the wall clock of its process an hour ahead at SIGUSR2, and back at the next; monotonic clocks stay.
{
  const Real = Date
  const HOUR_MS = 3_600_000
  let shift = 0
  const now = () => Real.now() + shift
  globalThis.Date = new Proxy(Real, {
    construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
    apply: () => new Real(now()).toString(),
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  })
  process.on('SIGUSR2', () => {
    shift = HOUR_MS - shift
  })
}
