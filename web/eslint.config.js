// SPDX-License-Identifier: AGPL-3.0-or-later
import svelte from 'eslint-plugin-svelte'
import ts from 'typescript-eslint'
import config from './svelte.config.js'

// forbid says who must not import whom: view → state → {core, call}, call → core.
const forbid = (files, names) => ({
  files,
  rules: {
    'no-restricted-imports': ['error', {
      patterns: names.map(([group, message]) => ({ group, message })),
    }],
  },
})

export default ts.config(
  { ignores: ['dist/', 'dist-core/', 'node_modules/', 'src/paraglide/', 'src/core/generated.ts', 'shots/', 'test-results/'] },
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig: config } },
  },
  {
    rules: {
      'no-undef': 'off', // the compiler knows the globals
      'svelte/no-at-html-tags': 'error', // nothing a person wrote becomes HTML
      'svelte/no-target-blank': 'error',
      // Sets and maps here are bookkeeping that no screen looks at.
      'svelte/prefer-svelte-reactivity': 'off',
      'no-eval': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/**'],
    ignores: ['src/call/**'],
    rules: {
      'no-restricted-globals': ['error', ...['RTCPeerConnection', 'RTCRtpSender', 'RTCRtpReceiver'].map((name) => ({ name, message: 'only call makes connections' }))],
    },
  },
  forbid(['src/core/**'], [
    [['**/state/**', '**/view/**', '**/call/**'], 'core knows neither state, nor view, nor call'],
    [['svelte', 'svelte/*'], 'core runs in a worker too: no Svelte'],
  ]),
  forbid(['src/call/**'], [
    [['**/state/**', '**/view/**', '**/paraglide/**'], 'call knows neither state nor view, and no words'],
    [['svelte', 'svelte/*'], 'call is no screen: no Svelte'],
    [['**/core/**', '!**/core/generated'], 'call is told how to ask the core; only types come from it'],
  ]),
  forbid(['src/state/**'], [[['**/view/**'], 'state does not know how it is shown']]),
  forbid(['src/view/**'], [
    [['**/core/**', '!**/core/generated', '!**/core/protocol'], 'a view asks state; only types come from the core'],
    [['../../call/**', '../call/*', '!../call/*.svelte'], 'a view asks state; the media are its own'],
  ]),
)
