import { SpecfleetError } from '@specfleet/shared'
import { expect, test } from 'vitest'
import { AskedImages } from './asked-images.ts'

const imageOf = (name: string) => ({ name, id: `id of ${name}`, path: undefined, mounts: [], snapshot: false })

test('an image is found and tried out once, however many ask for it at a time', async () => {
  const looks: string[] = []
  const images = new AskedImages(async (name) => {
    looks.push(name)
    return imageOf(name)
  })
  const found = await Promise.all(['a', 'b', 'a'].map((name) => images.of(name)))
  expect(found.map(({ id }) => id)).toEqual(['id of a', 'id of b', 'id of a'])
  expect(looks).toEqual(['a', 'b'])
})

test('one that is not fit is the fault of whoever asks, and is looked at again by the next', async () => {
  let error: SpecfleetError | undefined = new SpecfleetError('provider.image', 'the engine has no image a')
  const images = new AskedImages(async (name) => {
    if (error !== undefined) throw error
    return imageOf(name)
  })
  await expect(images.of('a')).rejects.toMatchObject({ code: 'task.image' })
  error = new SpecfleetError('provider.engine-gone')
  await expect(images.of('a')).rejects.toMatchObject({ code: 'provider.engine-gone' })
  error = undefined
  await expect(images.of('a')).resolves.toEqual(imageOf('a'))
})
