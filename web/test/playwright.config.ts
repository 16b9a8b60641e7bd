// SPDX-License-Identifier: AGPL-3.0-or-later
// Tests of pure TypeScript; no browser.
import { defineConfig } from '@playwright/test'

export default defineConfig({ testDir: '.', outputDir: '../test-results/unit', fullyParallel: true, workers: 1, forbidOnly: true, reporter: 'line' })
