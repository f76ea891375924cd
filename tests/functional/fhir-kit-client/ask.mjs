// Asks a FHIR server what a clinician's system asks, by fhir-kit-client, and prints what came of it.
import { Client } from 'fhir-kit-client'

const { base, token, patient, number } = JSON.parse(process.argv[2])
const client = new Client({ baseUrl: base, bearerToken: token })
const told = {}

told.version = (await client.capabilityStatement()).fhirVersion
const found = await client.search({
  resourceType: 'Patient',
  searchParams: { identifier: `https://fhir.nhs.uk/Id/nhs-number|${number}` },
  options: { postSearch: true },
})
told.found = found.entry[0].resource.id
told.read = (await client.read({ resourceType: 'Patient', id: patient })).id
let page = await client.search({ resourceType: 'Observation', searchParams: { patient, _count: 1, _include: 'Observation:subject' } })
told.included = page.entry.filter((each) => each.search.mode === 'include').map((each) => each.resource.resourceType)
told.pages = 0
told.seen = []
while (page) {
  told.pages += 1
  told.seen.push(...(page.entry ?? []).filter((each) => each.search.mode === 'match').map((each) => each.resource.id))
  page = page.link.some((link) => link.relation === 'next') ? await client.nextPage({ bundle: page }) : null
}
const whole = await client.operation({ name: 'everything', resourceType: 'Patient', id: patient, method: 'GET' })
told.everything = whole.entry.length
try {
  await client.read({ resourceType: 'Patient', id: 'nobody' })
} catch (error) {
  told.error = [error.response.status, error.response.data.resourceType]
}
const batch = await client.batch({
  body: { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: `Patient/${patient}` } }] },
})
told.batch = batch.entry[0].response.status
const flag = { resourceType: 'Flag', status: 'active', code: { text: 'Two to lift' }, subject: { reference: `Patient/${patient}` } }
const made = await client.create({ resourceType: 'Flag', body: flag })
const changed = await client.update({
  resourceType: 'Flag',
  id: made.id,
  body: { ...made, status: 'entered-in-error' },
  options: { headers: { 'If-Match': `W/"${made.meta.versionId}"` } },
})
told.written = [made.status, changed.status]
told.versions = (await client.history({ resourceType: 'Flag', id: made.id })).total
console.log(JSON.stringify(told))
