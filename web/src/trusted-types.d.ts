// SPDX-License-Identifier: AGPL-3.0-or-later
// What this page uses of Trusted Types, which TypeScript does not know yet.
interface TrustedScriptURL {
  toString(): string
}

interface TrustedTypePolicy {
  createScriptURL(url: string): TrustedScriptURL
}

interface Window {
  trustedTypes?: {
    createPolicy(name: string, rules: { createScriptURL: (url: string) => string }): TrustedTypePolicy
  }
}
