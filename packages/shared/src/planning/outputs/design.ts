import * as z from 'zod'
import {
  distinct,
  idsOf,
  isRecord,
  type Normalised,
  normaliseBy,
  textOf,
  textsOf,
  WildIds,
  WildText,
  WildTexts,
} from './dialects.ts'
import { cleanPath } from './paths.ts'
import { Layer, layerOf } from './vocabulary.ts'

const ComponentInput = z.looseObject({
  name: z.string().min(1, 'a component needs a name').describe('Unique name, as in WebhookService.'),
  type: z.string().optional().describe('service, repository, controller, library, job …'),
  layer: z
    .union([z.string(), z.number()])
    .optional()
    .describe('L0 infrastructure, L1 core services, L2 features or L3 integration.'),
  file_path: z.string().optional().describe('Path of its main file, relative to the repository.'),
  description: WildText.optional(),
  responsibility: WildText.optional().describe('The one thing that it owns.'),
  responsibilities: WildTexts.optional().describe('Other form of responsibility, as a list.'),
  interfaces: z
    .union([z.array(WildText), z.looseObject({})])
    .optional()
    .describe('[{method, inputs, outputs}].'),
  dependencies: WildTexts.optional().describe('Names of components, or of outside things, that it uses.'),
  requirements: WildIds.optional().describe(
    'Ids of the requirements that it addresses. Every requirement needs a component.',
  ),
  requirements_addressed: WildIds.optional().describe('Other name of requirements; leave it out.'),
})

const ModelInput = z.looseObject({
  name: z.string().min(1, 'a data model needs a name'),
  table_name: z.string().optional(),
  description: WildText.optional(),
  fields: z
    .union([z.record(z.string(), WildText), z.array(z.union([z.looseObject({ name: z.string() }), z.string()]))])
    .optional()
    .describe('{column: type}, or [{name, type}].'),
  indexes: WildTexts.optional(),
  relationships: WildTexts.optional(),
})

const EndpointInput = z.looseObject({
  method: z.string().optional().describe('GET, POST, PUT, PATCH or DELETE.'),
  path: z.string().describe('As in /api/v1/webhooks/{id}.'),
  description: WildText.optional(),
  auth_required: z.boolean().optional(),
  auth: z.union([z.string(), z.boolean()]).optional(),
  request_schema: WildText.optional(),
  request_body: WildText.optional(),
  response_schema: WildText.optional(),
  response: WildText.optional(),
  error_responses: WildTexts.optional().describe('{status: when}.'),
})

/** What a model hands in for the design phase. */
export const DesignInput = z.looseObject({
  feature_name: z.string().optional().describe('Name of the feature in kebab-case.'),
  feature: z.string().optional().describe('Other name of feature_name; leave it out.'),
  architecture_overview: WildText.optional().describe(
    'How the parts fit together and why, in more than 100 characters.',
  ),
  architecture_diagram: z.string().optional().describe('Mermaid text.'),
  components: z.array(z.union([ComponentInput, z.string()])).describe('Every component that is built or changed.'),
  data_models: z
    .array(ModelInput)
    .optional()
    .describe('Data that is stored or exchanged: [{name, fields{column: type}, relationships[]}].'),
  data_model: z.array(ModelInput).optional().describe('Other name of data_models; leave it out.'),
  api_endpoints: z
    .array(EndpointInput)
    .optional()
    .describe('Endpoints, commands or public calls: [{method, path, description}].'),
  testing_strategy: z
    .union([
      z.looseObject({ unit_tests: WildTexts.optional(), integration_tests: WildTexts.optional() }),
      z.array(WildText),
      z.string(),
    ])
    .optional()
    .describe('{unit_tests[], integration_tests[]}.'),
  error_handling: WildTexts.optional().describe('{case: what happens}.'),
  security_considerations: WildTexts.optional().describe('Two or more.'),
  integration_points: WildTexts.optional().describe('Existing code or services that this design meets.'),
  migration_plan: WildTexts.optional(),
})
export type DesignInput = z.infer<typeof DesignInput>

export const Component = z.object({
  name: z.string(),
  type: z.string(),
  /** `null` where the design does not say. */
  layer: Layer.nullable(),
  filePath: z.string(),
  description: z.string(),
  responsibilities: z.array(z.string()),
  interfaces: z.array(z.object({ method: z.string(), inputs: z.string(), outputs: z.string() })),
  dependencies: z.array(z.string()),
  requirements: z.array(z.string()),
})
export type Component = z.infer<typeof Component>

export const DataModel = z.object({
  name: z.string(),
  tableName: z.string(),
  description: z.string(),
  fields: z.array(z.object({ name: z.string(), type: z.string() })),
  indexes: z.array(z.string()),
  relationships: z.array(z.string()),
})
export type DataModel = z.infer<typeof DataModel>

export const Endpoint = z.object({
  method: z.string(),
  path: z.string(),
  description: z.string(),
  authRequired: z.boolean().nullable(),
  request: z.string(),
  response: z.string(),
  errorResponses: z.array(z.string()),
})
export type Endpoint = z.infer<typeof Endpoint>

/** How the requirements will be met, normalised. */
export const DesignOutput = z.object({
  v: z.literal(1),
  featureName: z.string(),
  architectureOverview: z.string(),
  architectureDiagram: z.string(),
  components: z.array(Component),
  dataModels: z.array(DataModel),
  apiEndpoints: z.array(Endpoint),
  testingStrategy: z.object({ unit: z.array(z.string()), integration: z.array(z.string()) }),
  errorHandling: z.array(z.string()),
  securityConsiderations: z.array(z.string()),
  integrationPoints: z.array(z.string()),
  migrationPlan: z.array(z.string()),
})
export type DesignOutput = z.infer<typeof DesignOutput>

export const normaliseDesign = (value: unknown): Normalised<DesignOutput> =>
  normaliseBy(value, {
    input: DesignInput,
    output: DesignOutput,
    fold: (input) => ({ output: fold(input), faults: [] }),
  })

function fold(input: DesignInput): DesignOutput {
  return {
    v: 1,
    featureName: (input.feature_name ?? input.feature ?? '').trim(),
    architectureOverview: textOf(input.architecture_overview),
    architectureDiagram: textOf(input.architecture_diagram),
    components: input.components.map(componentOf),
    dataModels: [...(input.data_models ?? []), ...(input.data_model ?? [])].map(modelOf),
    apiEndpoints: (input.api_endpoints ?? []).map(endpointOf),
    testingStrategy: strategyOf(input.testing_strategy),
    errorHandling: textsOf(input.error_handling),
    securityConsiderations: textsOf(input.security_considerations),
    integrationPoints: textsOf(input.integration_points),
    migrationPlan: textsOf(input.migration_plan),
  }
}

function componentOf(given: DesignInput['components'][number]): Component {
  const part: z.infer<typeof ComponentInput> = typeof given === 'string' ? { name: given } : given
  return {
    name: part.name.trim(),
    type: textOf(part.type),
    layer: layerOf(part.layer),
    filePath: cleanPath(part.file_path ?? ''),
    description: textOf(part.description),
    responsibilities: distinct([...textsOf(part.responsibility), ...textsOf(part.responsibilities)]),
    interfaces: interfacesOf(part.interfaces),
    dependencies: textsOf(part.dependencies),
    requirements: distinct([...idsOf(part.requirements), ...idsOf(part.requirements_addressed)]),
  }
}

function interfacesOf(interfaces: unknown): Component['interfaces'] {
  if (isRecord(interfaces)) return textsOf(interfaces).map((method) => ({ method, inputs: '', outputs: '' }))
  if (!Array.isArray(interfaces)) return []
  return interfaces.map((entry: unknown) =>
    isRecord(entry)
      ? {
          method: textOf(entry.method ?? entry.name ?? entry),
          inputs: detailOf(entry.inputs),
          outputs: detailOf(entry.outputs),
        }
      : { method: textOf(entry), inputs: '', outputs: '' },
  )
}

const detailOf = (value: unknown): string => textsOf(value).join(', ')

function modelOf(model: z.infer<typeof ModelInput>): DataModel {
  return {
    name: model.name.trim(),
    tableName: textOf(model.table_name),
    description: textOf(model.description),
    fields: fieldsOf(model.fields),
    indexes: textsOf(model.indexes),
    relationships: textsOf(model.relationships),
  }
}

function fieldsOf(fields: z.infer<typeof ModelInput>['fields']): DataModel['fields'] {
  if (fields === undefined) return []
  if (!Array.isArray(fields)) return Object.entries(fields).map(([name, type]) => ({ name, type: textOf(type) }))
  return fields.map((field) => {
    if (typeof field !== 'string') return { name: field.name, type: textOf(field.type) }
    const [name = '', type = ''] = field.split(/\s*:\s*/, 2)
    return { name, type }
  })
}

function endpointOf(endpoint: z.infer<typeof EndpointInput>): Endpoint {
  const auth = endpoint.auth_required ?? endpoint.auth
  return {
    method: (endpoint.method ?? 'GET').trim().toUpperCase(),
    path: endpoint.path.trim(),
    description: textOf(endpoint.description),
    authRequired: typeof auth === 'string' ? !/^(?:none|no|false|public|optional)/i.test(auth) : (auth ?? null),
    request: detailOf(endpoint.request_schema ?? endpoint.request_body),
    response: detailOf(endpoint.response_schema ?? endpoint.response),
    errorResponses: textsOf(endpoint.error_responses),
  }
}

function strategyOf(strategy: DesignInput['testing_strategy']): DesignOutput['testingStrategy'] {
  if (strategy === undefined || typeof strategy === 'string' || Array.isArray(strategy)) {
    return { unit: textsOf(strategy), integration: [] }
  }
  return { unit: textsOf(strategy.unit_tests), integration: textsOf(strategy.integration_tests) }
}
