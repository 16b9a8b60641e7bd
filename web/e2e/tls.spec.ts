// SPDX-License-Identifier: AGPL-3.0-or-later
// Under TLS with the operator's own certificate, and installed as an app.
import { chromium, expect, test } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Person } from './person'
import { Server } from './server'

test('the same under TLS with a certificate of the operator', async ({}, testInfo) => {
  const folder = mkdtempSync(join(tmpdir(), 'clarion-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const server = await Server.start({ config: [`tls_cert = ${cert}`, `tls_key = ${key}`] })
  expect(server.url).toMatch(/^https:/)
  // This browser trusts that one key, as if an authority had signed it.
  const pin = createHash('sha256').update(new X509Certificate(readFileSync(cert)).publicKey.export({ type: 'spki', format: 'der' })).digest('base64')
  const launch = testInfo.project.use.launchOptions
  const browser = await chromium.launch({ ...launch, args: [...(launch?.args ?? []), `--ignore-certificate-errors-spki-list=${pin}`] })
  const ada = await Person.arrive(browser, server, 'ada')
  const omar = await Person.arrive(browser, server, 'omar')
  try {
    await ada.open()
    await ada.register()
    await ada.ready()
    const link = await ada.invite()
    expect(link).toContain(`${server.url}/i#ada/`)
    await omar.open(link.slice(server.url.length))
    await omar.register()
    await omar.go('ada')
    await omar.say('under TLS')
    await ada.go('omar')
    await ada.reads('under TLS')
    await expect(omar.state('under TLS')).toHaveText('Read')
    await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
  } finally {
    for (const p of [ada, omar]) await p.leave()
    await browser.close()
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('the app can be installed and opens without a server, core and all', async ({ browser }) => {
  const server = await Server.start()
  const ada = await Person.arrive(browser, server, 'ada')
  ada.watch.networkLoss()
  try {
    await ada.open()
    const cdp = await ada.context.newCDPSession(ada.page)
    const { errors, url } = await cdp.send('Page.getAppManifest')
    expect(url).toContain('manifest.webmanifest')
    expect(errors).toEqual([])
    const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors')
    // A context of its own counts as private browsing, which installs nothing.
    expect(installabilityErrors.map((e) => e.errorId).filter((e) => e !== 'in-incognito')).toEqual([])
    await ada.register()
    await ada.ready()
    await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
    await server.stop()
    await ada.reload()
    await expect(ada.page.getByText('No conversations yet.')).toBeVisible()
    await expect(ada.page.getByText('ada', { exact: true })).toBeVisible()

    // Once per release: what the worker keeps is what was built, and no more.
    const kept = await ada.page.evaluate(async () => {
      const names = await caches.keys()
      return { names, paths: (await (await caches.open(names[0] ?? '')).keys()).map((r) => new URL(r.url).pathname) }
    })
    expect(kept.names).toHaveLength(1)
    expect(kept.paths.filter((p) => p.endsWith('.wasm'))).toHaveLength(1)
    const listed = /\["[^\]]*\]/.exec(readFileSync(new URL('../dist/sw.js', import.meta.url), 'utf8'))?.[0] ?? '[]'
    expect(kept.paths.toSorted()).toEqual((JSON.parse(listed) as string[]).toSorted())
  } finally {
    await ada.leave()
    await server.close()
  }
})
