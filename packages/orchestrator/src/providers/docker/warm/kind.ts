/** Which waiting workers are as good as each other. Pure. */
import type { Limits } from '../../provider.ts'
import type { ProvenImage } from '../image.ts'

/** What a container is made with for good. How long it runs and how much it writes is watched from outside. */
export type Resources = Pick<Limits, 'memoryMb' | 'diskMb' | 'cpus' | 'pids'>

/** The image by its content, and the resources. */
export type Kind = { readonly key: string; readonly image: ProvenImage; readonly limits: Limits }

export function kindOf(image: ProvenImage, limits: Limits): Kind {
  return { key: JSON.stringify([image.id, ...Object.values(resourcesOf(limits))]), image, limits }
}

export const resourcesOf = ({ memoryMb, diskMb, cpus, pids }: Limits): Resources => ({ memoryMb, diskMb, cpus, pids })
