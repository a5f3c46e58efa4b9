// SPDX-License-Identifier: Apache-2.0
// Never compiled: cargo wants a target in each package.
