// SPDX-License-Identifier: AGPL-3.0-or-later
import './style/tokens.css'
import './style/base.css'
import { mount } from 'svelte'
import { startAppearance } from './state/appearance.svelte'
import { start } from './state/core.svelte'
import { startFocus } from './state/focus'
import { startRelease } from './state/release.svelte'
import App from './view/App.svelte'

const place = document.getElementById('app')
if (!place) throw new Error('the page has no place for the app')
startAppearance()
startFocus()
mount(App, { target: place })
start()
startRelease()
