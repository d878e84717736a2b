import { createApp } from './app.js'
import { readConfig } from './config.js'
import { LinkStore } from './link-store.js'

const { host, port, dataFile } = readConfig(process.env)
const app = createApp({ store: await LinkStore.open(dataFile) })

app.listen(port, host, () => console.log(`listening on http://${host}:${app.address().port}`))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => app.close())
